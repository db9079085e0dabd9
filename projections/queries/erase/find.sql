-- Return the positions of the next events of the log that an erasure changes.
SELECT e.position
FROM sojourn.stored_event AS e
WHERE e.position > %(after)s AND %(actor)s IN (e.actor, sojourn.event_user(e)) AND {scope}
ORDER BY e.position
LIMIT %(limit)s;
