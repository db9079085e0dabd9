-- Return the tasks that are pending rests of job arrays.
SELECT r.task_id
FROM
    unnest(%s::text[]) AS a (name)
    CROSS JOIN LATERAL (
        SELECT t.task_id
        FROM sojourn.task AS t
        -- The bracket's next character ends the range of ids that begin with NAME_[ (ids are compared byte by byte).
        WHERE t.task_id >= a.name || '_[' AND t.task_id < a.name || '_\'
        OFFSET 0
    ) AS r
ORDER BY r.task_id;
