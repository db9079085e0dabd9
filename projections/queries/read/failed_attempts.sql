-- Return when and why the attempts at a task failed, oldest first.
SELECT coalesce(e.reason, t.status) AS reason, t.entered_at
FROM
    sojourn.task_instance AS i
    JOIN sojourn.transition AS t ON t.entity_kind = 'task_instance' AND t.entity_id = i.task_instance_id
    JOIN sojourn.stored_event AS e ON e.position = t.position
    JOIN sojourn.task AS k ON k.task_id = i.task_id
    JOIN sojourn.lifecycle_status AS s
        ON s.lifecycle = k.lifecycle AND s.lifecycle_version = k.lifecycle_version
        AND s.entity_kind = 'task_instance' AND s.status = t.status
WHERE
    i.task_id = %(task)s AND s.terminal AND s.failure AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
ORDER BY t.position;
