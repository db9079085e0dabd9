-- Return every stored lifecycle.
SELECT l.name, l.version, l.definition FROM sojourn.lifecycle AS l;
