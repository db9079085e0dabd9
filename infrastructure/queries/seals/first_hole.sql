-- Return the last position before the first one that is missing after a position.
SELECT coalesce(max(e.position), %(after)s)
FROM (
    SELECT e.position, row_number() OVER (ORDER BY e.position) AS number
    FROM sojourn.stored_event AS e
    WHERE e.position > %(after)s AND e.position <= %(stop)s
) AS e
WHERE e.position = %(after)s + e.number;
