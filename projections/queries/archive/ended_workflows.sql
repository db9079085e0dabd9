-- Return the workflows that ended before a time, with the month in which they began, and the number of their events.
-- The version of an entity is the number of its events.
SELECT
    w.workflow_id, to_char(b.began_at AT TIME ZONE 'UTC', 'YYYY-MM'),
    t.events + coalesce(i.events, 0) + coalesce(a.events, 0)
FROM
    sojourn.workflow_end AS w
    CROSS JOIN LATERAL (
        SELECT sum(t.version) AS events FROM sojourn.task AS t WHERE t.workflow_id = w.workflow_id
    ) AS t
    CROSS JOIN LATERAL (
        SELECT min(s.entered_at) AS began_at
        FROM sojourn.task AS t
            JOIN sojourn.transition AS s ON s.entity_kind = 'task' AND s.entity_id = t.task_id AND s.version = 1
        WHERE t.workflow_id = w.workflow_id
    ) AS b
    CROSS JOIN LATERAL (
        SELECT sum(i.version) AS events
        FROM sojourn.task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
        WHERE t.workflow_id = w.workflow_id
    ) AS i
    CROSS JOIN LATERAL (
        SELECT sum(a.version) AS events FROM sojourn.array AS a WHERE a.workflow_id = w.workflow_id
    ) AS a
WHERE
    w.has_ended AND w.last_at < %(before)s
    AND (%(workflows)s::text[] IS NULL OR w.workflow_id = ANY (%(workflows)s))
ORDER BY 2, 1;
