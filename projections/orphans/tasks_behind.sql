-- Return a task and every task that waits to begin behind it: for it, or for one that waits behind it.
-- Of the workflow, the tasks that do not wait are read at once, because those behind a cause are seldom among them; tasks
-- of other workflows are looked up one by one. The links are read as sojourn.upstream_roots reads them.
CREATE OR REPLACE FUNCTION sojourn.tasks_behind(task_id text, workflow_id text)
RETURNS TABLE (task_id text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE known AS MATERIALIZED (
        SELECT s.task_id
        FROM sojourn.task_start AS s
        WHERE s.workflow_id = tasks_behind.workflow_id AND NOT s.waits
    ),
    behind (task_id) AS (
        SELECT tasks_behind.task_id COLLATE "C"
        UNION
        SELECT d.task_id
        FROM
            (
                SELECT array_agg(b.task_id) OVER () AS task_ids, row_number() OVER () AS number FROM behind AS b
            ) AS reached
            CROSS JOIN LATERAL (
                SELECT l.task_id, l.workflow_id
                FROM sojourn.dependency AS l
                WHERE
                    l.upstream_id = ANY (reached.task_ids)
                    AND l.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                OFFSET 0 -- by index, whatever the planner makes of the sizes
            ) AS d
        WHERE
            reached.number = 1
            AND CASE
                WHEN d.workflow_id = tasks_behind.workflow_id THEN (d.task_id IN (SELECT k.task_id FROM known AS k)) IS NOT TRUE
                ELSE EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = d.task_id OFFSET 0)
            END
    )
    SELECT b.task_id FROM behind AS b
$$;

COMMENT ON FUNCTION sojourn.tasks_behind (text, text) IS
    'A task and every task that waits to begin behind it, at any distance, now or as of sojourn.as_of.';
