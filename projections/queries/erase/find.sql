-- Return the positions of the next events of the log that an erasure changes.
SELECT e.position
FROM sojourn.event AS e
WHERE e.position > %(after)s AND sojourn.names_actor(e.data, %(actor)s) AND {scope}
ORDER BY e.position
LIMIT %(limit)s;
