-- Return the positions of the log after one position and up to another.
SELECT e.position
FROM sojourn.stored_event AS e
WHERE e.position > %(after)s AND e.position <= %(stop)s
ORDER BY e.position;
