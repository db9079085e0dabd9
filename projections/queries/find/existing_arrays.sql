-- Return which of the arrays exist.
SELECT a.array_id FROM sojourn.array AS a WHERE a.array_id = ANY (%s);
