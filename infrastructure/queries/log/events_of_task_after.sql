-- Return the events of a task and of its instances after a position, by the log alone: instances name their task.
SELECT e.*
FROM
    sojourn.event AS o
    JOIN sojourn.logged_event AS e ON e.position = o.position
WHERE
    o.position > %(position)s
    AND o.position <= coalesce(%(stop)s, 9223372036854775807)
    AND o.workflow_id = %(workflow_id)s
    AND (
        o.stream = 'task:' || %(task_id)s
        OR (starts_with(o.stream, 'task_instance:') AND o.data ->> 'task_id' = %(task_id)s)
    )
ORDER BY o.position
LIMIT %(limit)s;
