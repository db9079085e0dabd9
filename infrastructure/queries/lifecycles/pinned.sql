-- Return the stored definition of a lifecycle.
SELECT l.definition FROM sojourn.lifecycle AS l WHERE l.name = %s AND l.version = %s;
