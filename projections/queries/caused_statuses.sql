-- The statuses that tasks have entered because of their instances since the last one that was proposed for themselves.
SELECT w.task_id, c.data ->> 'status', c.entered_at
FROM
    unnest(%s::text[]) AS w (task_id)
    CROSS JOIN LATERAL (
        SELECT e.version
        FROM sojourn.event AS e
        WHERE
            e.stream = 'task:' || w.task_id AND NOT e.data ? 'cause'
            AND (e.version = 1 OR e.data ? 'previous_status')
        ORDER BY e.version DESC
        LIMIT 1
    ) AS proposed
    JOIN sojourn.event AS c
        ON c.stream = 'task:' || w.task_id AND c.version > proposed.version AND c.data ? 'previous_status'
ORDER BY w.task_id, c.version;
