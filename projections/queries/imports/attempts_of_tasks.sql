-- Return the attempts at tasks, and when each began.
-- The first version is stated as a range, because the index of beginnings would be read from its start otherwise.
-- One lookup for each task: with statistics that lag behind an import, a join is planned as a read of every transition.
SELECT i.task_id, b.entered_at, i.task_instance_id
FROM
    unnest(%s::text[]) AS w (task_id)
    CROSS JOIN LATERAL (
        SELECT t.task_id, t.ordinal, t.task_instance_id
        FROM sojourn.task_instance AS t
        WHERE t.task_id = w.task_id
        OFFSET 0
    ) AS i
    CROSS JOIN LATERAL (
        SELECT r.entered_at
        FROM sojourn.transition AS r
        WHERE r.entity_kind = 'task_instance' AND r.entity_id = i.task_instance_id AND r.version <= 1
        LIMIT 1
    ) AS b
ORDER BY i.task_id, i.ordinal;
