-- Renew the leases of task instances.
-- A call that is alone in its transaction does not wait for the disk, and waits for others for a second. Returns no row
-- for a lease that had expired, unless that is recorded.
INSERT INTO sojourn.lease AS l (holder, workflow_id, begun_at, heartbeat_at, report_by)
SELECT 'task_instance:' || n.task_instance_id, n.workflow_id, b.at, b.at,
    greatest(b.at, coalesce(n.report_by, b.at + make_interval(secs => %(seconds)s)))
FROM
    unnest(%(ids)s::text[], %(workflow_ids)s::text[], %(report_by)s::timestamptz[])
        AS n (task_instance_id, workflow_id, report_by)
    CROSS JOIN (SELECT %(at)s::timestamptz) AS b (at)
WHERE
    NOT %(alone)s
    OR (set_config('synchronous_commit', 'off', true) || set_config('lock_timeout', '1s', true)) IS NOT NULL
ORDER BY 1
ON CONFLICT (holder) DO UPDATE
SET
    heartbeat_at = greatest(l.heartbeat_at, excluded.heartbeat_at),
    report_by = CASE WHEN l.heartbeat_at <= excluded.heartbeat_at THEN excluded.report_by ELSE l.report_by END
WHERE %(recorded)s OR l.report_by >= excluded.heartbeat_at
RETURNING substr(l.holder, 15);
