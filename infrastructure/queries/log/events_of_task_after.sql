-- Return the events of a task and of its instances after a position, by the log alone: instances name their task.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.data, e.occurred_at, e.recorded_at, e.entered_at,
    e.is_transition
FROM
    sojourn.stored_event AS o
    JOIN sojourn.logged_event AS e ON e.position = o.position
WHERE
    o.position > %(position)s
    AND o.position <= coalesce(%(stop)s, 9223372036854775807)
    AND o.workflow_id = %(workflow_id)s
    AND (
        (o.entity_kind = 'task' AND o.entity_id = %(task_id)s)
        OR (o.entity_kind = 'task_instance' AND o.task_id = %(task_id)s)
    )
ORDER BY o.position
LIMIT %(limit)s;
