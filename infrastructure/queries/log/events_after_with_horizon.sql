-- Return the events after a position and, of the same snapshot, the oldest transaction that may still be running.
-- The events have about max_bytes together, or else there is one. Sizes are taken in parts, because each size reads its
-- event; those of single events are taken only where all that were read are too large.
WITH RECURSIVE part AS (
    SELECT %(position)s::bigint AS reach, 0::bigint AS number, 0::bigint AS bytes
    UNION ALL
    SELECT next.reach, part.number + next.number, part.bytes + next.bytes
    FROM
        part
        CROSS JOIN LATERAL (
            SELECT max(e.position), count(*), sum(e.bytes)
            FROM (
                SELECT e.position, sojourn.event_bytes(e) AS bytes
                FROM sojourn.stored_event AS e
                WHERE e.position > part.reach
                ORDER BY e.position
                LIMIT 20
            ) AS e
        ) AS next (reach, number, bytes)
    WHERE part.number < %(limit)s AND part.bytes < %(max_bytes)s AND next.number > 0
),
whole AS (
    SELECT max(part.reach) AS reach, max(part.bytes) >= %(max_bytes)s AS is_too_large
    FROM part
),
cut AS (
    SELECT
        CASE
            WHEN whole.is_too_large
                THEN (
                    SELECT max(b.position)
                    FROM (
                        SELECT
                            e.position,
                            sum(sojourn.event_bytes(e)) OVER (
                                ORDER BY e.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                            ) AS bytes_before
                        FROM sojourn.stored_event AS e
                        WHERE e.position > %(position)s AND e.position <= whole.reach
                    ) AS b
                    WHERE coalesce(b.bytes_before, 0) < %(max_bytes)s
                )
            ELSE whole.reach
        END AS reach
    FROM whole
)
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.data, e.occurred_at, e.recorded_at, e.entered_at,
    e.is_transition, horizon.oldest_running
FROM
    (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS horizon (oldest_running)
    LEFT JOIN LATERAL (
        SELECT e.*
        FROM sojourn.logged_event AS e
        WHERE e.position > %(position)s AND e.position <= (SELECT cut.reach FROM cut)
        ORDER BY e.position
        LIMIT %(limit)s
    ) AS e ON true
ORDER BY e.position;
