-- Return the status of a task.
SELECT c.status, c.entered_at, c.lifecycle, c.num_attempts, version.latest
FROM
    sojourn.current_task AS c
    CROSS JOIN LATERAL (
        SELECT max(e.version) FROM sojourn.stored_event AS e
        WHERE
            e.entity_kind = 'task' AND e.entity_id = c.task_id
            AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at)
                <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS version (latest)
WHERE c.task_id = %s;
