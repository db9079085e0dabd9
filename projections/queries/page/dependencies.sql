-- Return a workflow's tasks with their current status and the tasks that they wait for, up to a number of tasks.
SELECT
    t.task_id, t.template, t.status, t.lifecycle, t.lifecycle_version,
    (
        SELECT coalesce(array_agg(d.upstream_id ORDER BY d.upstream_id), '{}')
        FROM sojourn.dependency AS d
        WHERE d.task_id = t.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS upstream
FROM sojourn.current_task AS t
WHERE t.workflow_id = %(workflow_id)s
ORDER BY t.task_id
LIMIT %(limit)s;
