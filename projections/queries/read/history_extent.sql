-- Return the version up to which a page of events reaches, in its order.
-- Their data have about max_bytes together, or else there is one event. Without events there is no row.
SELECT e.version
FROM (
    SELECT
        e.version, e.rank,
        sum(octet_length(e.data::text)) OVER (
            ORDER BY e.rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS bytes_before
    FROM (
        SELECT e.version, e.data, CASE WHEN %(newest_first)s THEN -e.version ELSE e.version END AS rank
        FROM sojourn.event AS e
        WHERE e.stream = %(stream)s AND e.version > %(after)s AND e.version <= %(until)s
    ) AS e
) AS e
WHERE coalesce(e.bytes_before, 0) < %(max_bytes)s
ORDER BY e.rank DESC
LIMIT 1;
