SELECT l.definition FROM sojourn.lifecycle AS l WHERE l.name = %s AND l.version = %s;
