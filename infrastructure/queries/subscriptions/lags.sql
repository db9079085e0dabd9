-- Return how far each subscription is behind the end of the log.
-- advanced_at is when its position last moved.
SELECT
    c.subscription, c.position, count(*) FILTER (WHERE e.position IS NOT NULL) AS behind,
    coalesce(date_part('epoch', clock_timestamp() - min(e.recorded_at)), 0) AS behind_seconds,
    date_part('epoch', clock_timestamp() - c.advanced_at) AS still_seconds
FROM
    sojourn.checkpoint AS c
    LEFT JOIN LATERAL (
        SELECT e.position, e.recorded_at
        FROM sojourn.stored_event AS e
        WHERE e.position > c.position
        ORDER BY e.position
        LIMIT 100000
    ) AS e ON true
GROUP BY c.subscription
ORDER BY c.subscription;
