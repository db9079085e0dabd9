-- Return the events after a position and, of the same snapshot, the oldest transaction that may still be running.
-- The events have about max_bytes together, or else there is one.
SELECT
    e.*, horizon.oldest_running
FROM
    (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS horizon (oldest_running)
    LEFT JOIN LATERAL (
        SELECT e.*
        FROM (
            SELECT
                e.*,
                sum(octet_length(e.data)) OVER (
                    ORDER BY e.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS bytes_before
            FROM (
                SELECT e.*
                FROM sojourn.logged_event AS e
                WHERE e.position > %(position)s
                ORDER BY e.position
                LIMIT %(limit)s
            ) AS e
        ) AS e
        WHERE coalesce(e.bytes_before, 0) < %(max_bytes)s
    ) AS e ON true
ORDER BY e.position;
