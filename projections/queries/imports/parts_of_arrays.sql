-- Return the tasks that are parts of job arrays, and when each was registered.
-- The first version is stated as a range, because the index of beginnings would be read from its start otherwise.
-- One lookup for each task: a join is planned as a read of every transition.
SELECT p.task_id, b.entered_at
FROM
    unnest(%s::text[]) AS a (name)
    CROSS JOIN LATERAL (
        SELECT t.task_id
        FROM sojourn.task AS t
        -- The next character after _ ends the range of ids that begin with NAME_ (ids are compared byte by byte).
        WHERE t.task_id >= a.name || '_' AND t.task_id < a.name || '`'
        OFFSET 0
    ) AS p
    CROSS JOIN LATERAL (
        SELECT r.entered_at
        FROM sojourn.transition AS r
        WHERE r.entity_kind = 'task' AND r.entity_id = p.task_id AND r.version <= 1
        LIMIT 1
    ) AS b
ORDER BY p.task_id;
