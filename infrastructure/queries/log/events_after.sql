-- Return events after a position, of certain names or of all.
SELECT e.*
FROM sojourn.logged_event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND (%(names)s::text[] IS NULL OR e.name = ANY (%(names)s))
ORDER BY e.position
LIMIT %(limit)s;
