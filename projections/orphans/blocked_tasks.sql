-- Return the tasks that cannot start because of some causes: each that waits for one, through tasks that have not begun.
-- The tasks of the causes' workflows that have not begun are read at once, those of others one by one.
CREATE OR REPLACE FUNCTION sojourn.blocked_tasks(causes text[])
RETURNS TABLE (cause_id text, task_id text, workflow_id text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_memoize = off
SET work_mem = '64MB' AS $$
    WITH RECURSIVE known AS MATERIALIZED (
        SELECT ARRAY(
            SELECT DISTINCT t.workflow_id FROM sojourn.task AS t WHERE t.task_id = ANY (blocked_tasks.causes)
        )::text [] AS workflow_ids
    ),
    waiting AS MATERIALIZED (
        SELECT w.task_id
        FROM sojourn.waiting_task AS w
        WHERE w.workflow_id = ANY ((SELECT k.workflow_ids FROM known AS k)::text [])
    ),
    behind (cause_id, task_id, workflow_id) AS (
        SELECT c.cause_id, c.cause_id COLLATE "C", NULL::text COLLATE "C"
        FROM unnest(blocked_tasks.causes) AS c (cause_id)
        UNION
        SELECT b.cause_id, e.task_id, e.workflow_id
        FROM
            behind AS b
            CROSS JOIN LATERAL (
                SELECT d.task_id, d.workflow_id
                FROM sojourn.dependency AS d
                WHERE d.upstream_id = b.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                OFFSET 0 -- by index, whatever the planner makes of the sizes
            ) AS e
        WHERE
            CASE
                WHEN e.workflow_id = ANY ((SELECT k.workflow_ids FROM known AS k)::text [])
                    THEN (e.task_id IN (SELECT w.task_id FROM waiting AS w)) IS TRUE -- by a hash
                ELSE EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = e.task_id OFFSET 0)
            END
    )
    SELECT b.cause_id, b.task_id, b.workflow_id FROM behind AS b WHERE b.workflow_id IS NOT NULL
$$;

COMMENT ON FUNCTION sojourn.blocked_tasks IS
    'The tasks that cannot start because of some causes, now or as of sojourn.as_of: each that waits for one, at any '
    'distance through tasks that have not begun either.';
