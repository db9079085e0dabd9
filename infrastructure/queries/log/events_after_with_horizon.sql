-- Return the events after a position and, of the same snapshot, the oldest transaction that may still be running.
SELECT
    e.*, horizon.oldest_running
FROM
    (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS horizon (oldest_running)
    LEFT JOIN LATERAL (
        SELECT e.*
        FROM sojourn.logged_event AS e
        WHERE e.position > %(position)s
        ORDER BY e.position
        LIMIT %(limit)s
    ) AS e ON true
ORDER BY e.position;
