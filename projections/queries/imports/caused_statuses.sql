-- Return the statuses that tasks have entered because of their instances since the last proposal for a task itself.
-- One lookup for each task: a join is planned as a read of the whole log.
SELECT w.task_id, c.status, c.entered_at
FROM
    unnest(%s::text[]) AS w (task_id)
    CROSS JOIN LATERAL (
        SELECT e.version
        FROM sojourn.stored_event AS e
        WHERE e.entity_kind = 'task' AND e.entity_id = w.task_id AND (e.version = 1 OR e.previous_status IS NOT NULL)
            AND sojourn.event_cause(e) IS NULL
        ORDER BY e.version DESC
        LIMIT 1
    ) AS proposed
    CROSS JOIN LATERAL (
        SELECT e.version, e.status, e.entered_at
        FROM sojourn.stored_event AS e
        WHERE e.entity_kind = 'task' AND e.entity_id = w.task_id AND e.version > proposed.version
            AND e.previous_status IS NOT NULL
        OFFSET 0
    ) AS c (version, status, entered_at)
ORDER BY w.task_id, c.version;
