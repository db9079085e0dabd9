-- Return a page of the intervals of tasks.
SELECT
    a.task_id, a.workflow_id, a.previous_status, a.new_status, a.entered_at, a.exited_at,
    date_part('epoch', a.duration) AS duration_seconds, a.position
FROM sojourn.task_status_audit AS a
WHERE
    (%(task_id)s::text IS NULL OR a.task_id = %(task_id)s)
    AND (%(workflow_id)s::text IS NULL OR a.workflow_id = %(workflow_id)s)
    AND (%(position)s::bigint IS NULL OR (a.entered_at, a.position) {beyond} (%(entered_at)s, %(position)s))
ORDER BY a.entered_at {direction}, a.position {direction}
LIMIT %(limit)s;
