-- Return a task, or a workflow's tasks or all that wait to begin, and every task to which ways up from them lead.
-- A way leads through tasks that wait: `waits` is 'here' for one of the workflow, 'elsewhere' for one of another, else NULL.
-- The tasks of the workflow that wait are read at once, those of others one by one. Each step reads the links of all tasks
-- that the last one reached first, so that a wide graph takes few reads and a chain no more than its length.
CREATE OR REPLACE FUNCTION sojourn.tasks_above(workflow_id text, task_id text)
RETURNS TABLE (task_id text, parent_id text, waits text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE known AS MATERIALIZED (
        SELECT w.task_id, w.parent_id
        FROM sojourn.waiting_task AS w
        WHERE w.workflow_id = tasks_above.workflow_id
        UNION ALL
        SELECT w.task_id, w.parent_id
        FROM sojourn.waiting_task AS w
        WHERE
            tasks_above.workflow_id IS NULL
            AND EXISTS (SELECT FROM sojourn.dependency) -- else nothing is read
            AND EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = w.task_id)
    ),
    above (task_id) AS (
        SELECT k.task_id FROM known AS k WHERE tasks_above.task_id IS NULL OR k.task_id = tasks_above.task_id
        UNION
        SELECT d.upstream_id
        FROM
            (
                SELECT array_agg(a.task_id) OVER () AS task_ids, row_number() OVER () AS number
                FROM above AS a
                WHERE
                    (a.task_id IN (SELECT k.task_id FROM known AS k)) IS TRUE -- by a hash
                    OR EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = a.task_id OFFSET 0)
            ) AS reached
            CROSS JOIN LATERAL (
                SELECT l.upstream_id
                FROM sojourn.dependency AS l
                WHERE l.task_id = ANY (reached.task_ids) AND l.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                OFFSET 0 -- by index, whatever the planner makes of the sizes
            ) AS d
        WHERE reached.number = 1
    )
    SELECT
        a.task_id, k.parent_id,
        CASE
            WHEN k.task_id IS NOT NULL THEN 'here'
            WHEN EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = a.task_id OFFSET 0) THEN 'elsewhere'
        END
    FROM above AS a LEFT JOIN known AS k ON k.task_id = a.task_id
$$;

COMMENT ON FUNCTION sojourn.tasks_above (text, text) IS
    'A task, or a workflow''s tasks or all that wait to begin, and every task above them, on a way through tasks that wait, '
    'now or as of sojourn.as_of.';
