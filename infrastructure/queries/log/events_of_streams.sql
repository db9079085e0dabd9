-- Return the events of some streams, and the first one of each of others, up to a position, in order.
SELECT e.*
FROM
    (
        SELECT w.stream, 2147483647 AS last_version FROM unnest(%(whole)s::text[]) AS w (stream)
        UNION ALL
        SELECT b.stream, 1 FROM unnest(%(beginnings)s::text[]) AS b (stream)
    ) AS s
    JOIN sojourn.logged_event AS e ON e.stream = s.stream AND e.version <= s.last_version
WHERE e.position <= %(stop)s
ORDER BY e.position;
