-- Renew the lease of a runner.
-- It lasts for the given seconds, else for the shortest runner_dead_after of all lifecycles, else for ten minutes, but
-- for max_seconds at most. A call that is alone in its transaction does not wait for the disk: a crash may make the
-- runner look silent a moment early. It waits for others for a second. Returns no row where the lease had expired, unless
-- that is recorded, or where a later heartbeat is known already.
INSERT INTO sojourn.lease AS l (holder, workflow_id, begun_at, heartbeat_at, report_by)
SELECT %(holder)s, %(workflow_id)s, b.at, b.at, b.at + make_interval(secs => b.seconds)
FROM (
    SELECT
        least(clock_timestamp(), %(occurred_at)s::timestamptz),
        least(
            coalesce(
                %(seconds)s::float8,
                (SELECT min((p.definition -> 'recovery' ->> 'runner_dead_after')::float8) FROM sojourn.lifecycle AS p),
                600
            ),
            %(max_seconds)s::float8
        )
) AS b (at, seconds)
WHERE
    NOT %(alone)s
    OR (set_config('synchronous_commit', 'off', true) || set_config('lock_timeout', '1s', true)) IS NOT NULL
ON CONFLICT (holder) DO UPDATE
SET heartbeat_at = excluded.heartbeat_at, report_by = excluded.report_by
WHERE l.heartbeat_at <= excluded.heartbeat_at AND (%(recorded)s OR l.report_by >= excluded.heartbeat_at)
RETURNING l.report_by;
