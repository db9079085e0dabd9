-- The events of a task and of its instances, which name it; found in the log alone.
SELECT
    e.stream, e.version, e.name, e.data::text, e.position, e.workflow_id, e.occurred_at, e.recorded_at, e.entered_at
FROM sojourn.event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND e.workflow_id = %(workflow_id)s
    AND (
        e.stream = 'task:' || %(task_id)s
        OR (starts_with(e.stream, 'task_instance:') AND e.data ->> 'task_id' = %(task_id)s)
    )
ORDER BY e.position
LIMIT %(limit)s;
