-- Return the events of a stream after a position.
SELECT e.*
FROM sojourn.logged_event AS e
WHERE
    e.stream = %(stream)s
    AND e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
ORDER BY e.position
LIMIT %(limit)s;
