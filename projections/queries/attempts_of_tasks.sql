SELECT i.task_id, b.entered_at, i.task_instance_id
FROM
    sojourn.task_instance AS i
    JOIN sojourn.transition AS b
        ON b.entity_kind = 'task_instance' AND b.entity_id = i.task_instance_id AND b.version = 1
WHERE i.task_id = ANY (%s)
ORDER BY i.task_id, i.ordinal;
