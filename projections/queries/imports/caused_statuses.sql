-- Return the statuses that tasks have entered because of their instances since the last proposal for a task itself.
-- One lookup for each task: a join is planned as a read of the whole log.
SELECT w.task_id, c.status, c.entered_at
FROM
    unnest(%s::text[]) AS w (task_id)
    CROSS JOIN LATERAL (
        SELECT e.version
        FROM sojourn.event AS e
        WHERE e.stream = 'task:' || w.task_id AND e.is_transition AND NOT e.data ? 'cause'
        ORDER BY e.version DESC
        LIMIT 1
    ) AS proposed
    CROSS JOIN LATERAL (
        SELECT e.version, e.data ->> 'status', e.entered_at
        FROM sojourn.event AS e
        WHERE e.stream = 'task:' || w.task_id AND e.version > proposed.version AND e.is_transition
        OFFSET 0
    ) AS c (version, status, entered_at)
ORDER BY w.task_id, c.version;
