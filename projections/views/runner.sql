-- Show each runner, its last heartbeat, and since when its lease has expired (NULL: it has not).
-- Of a past time within a lease, heard_at is that time, because the log does not store which heartbeat renewed it.
CREATE OR REPLACE VIEW sojourn.runner AS
SELECT
    substr(l.holder, 8) AS runner_id, l.begun_at,
    CASE
        WHEN l.heartbeat_at <= at.moment THEN l.heartbeat_at
        ELSE coalesce(lapse.heard_at, at.moment)
    END AS heard_at,
    CASE
        WHEN l.heartbeat_at > at.moment THEN lapse.silent_since
        WHEN l.report_by < at.moment THEN l.report_by
    END AS silent_since
FROM
    sojourn.lease AS l
    CROSS JOIN (SELECT sojourn.as_of_or_now()) AS at (moment)
    LEFT JOIN LATERAL (
        SELECT r.heard_at, r.silent_since
        FROM
            sojourn.event AS e,
            LATERAL jsonb_to_record(e.data) AS r (
                heard_at timestamptz, silent_since timestamptz, silent_until timestamptz
            )
        WHERE
            l.heartbeat_at > at.moment AND e.entity_kind = 'runner' AND e.entity_id = substr(l.holder, 8) AND e.name = 'runner.returned.v1'
            AND r.silent_since < at.moment AND r.silent_until > at.moment
    ) AS lapse ON true
WHERE l.holder >= 'runner:' AND l.holder < 'runner;' AND l.begun_at <= at.moment;

COMMENT ON VIEW sojourn.runner IS
    'Each runner, the time of its last heartbeat, and since when it is silent (NULL: it is not).';
