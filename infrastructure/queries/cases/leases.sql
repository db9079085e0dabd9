-- Return the leases of a workflow's instances and of its runners.
SELECT l.holder, l.workflow_id, l.begun_at, l.heartbeat_at, l.report_by
FROM sojourn.lease AS l
WHERE l.workflow_id = %(workflow_id)s OR l.holder = ANY (%(runners)s)
ORDER BY l.holder;
