-- Return the status of a task instance.
SELECT c.status, c.entered_at, t.lifecycle, c.ordinal, version.latest
FROM
    sojourn.current_task_instance AS c
    JOIN sojourn.task AS t ON t.task_id = c.task_id
    CROSS JOIN LATERAL (
        SELECT max(e.version) FROM sojourn.stored_event AS e
        WHERE
            e.entity_kind = 'task_instance' AND e.entity_id = c.task_instance_id
            AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at)
                <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS version (latest)
WHERE c.task_instance_id = %s;
