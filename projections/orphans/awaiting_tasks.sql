-- Return those of some tasks that have not begun and wait for others, and whether one of these is unfinished or failed.
-- `waits` is whether one is, which explains the wait; `ended_at` is when the last of them entered its status.
CREATE OR REPLACE FUNCTION sojourn.awaiting_tasks(task_ids text[])
RETURNS TABLE (task_id text, waits boolean, ended_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    WITH unsuccessful AS MATERIALIZED (
        SELECT c.lifecycle, c.lifecycle_version, c.status
        FROM sojourn.lifecycle_status AS c
        WHERE c.entity_kind = 'task' AND (NOT c.terminal OR c.failure OR c.cancelled)
    ),
    awaiting AS MATERIALIZED (
        SELECT a.task_id
        FROM unnest(awaiting_tasks.task_ids) AS a (task_id)
        WHERE
            EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = a.task_id COLLATE "C" OFFSET 0) -- one by one
            AND EXISTS (
                SELECT FROM sojourn.current_task AS t
                WHERE t.task_id = a.task_id COLLATE "C" AND t.num_attempts = 0 AND t.instances = 0
                OFFSET 0
            )
    )
    SELECT w.task_id, bool_or(u.unsuccessful), max(u.entered_at)
    FROM
        awaiting AS w
        CROSS JOIN LATERAL (
            SELECT
                n.entered_at,
                ((n.lifecycle, n.lifecycle_version, n.status) IN (SELECT * FROM unsuccessful)) IS TRUE AS unsuccessful
            FROM sojourn.dependency AS d JOIN sojourn.current_task AS n ON n.task_id = d.upstream_id
            WHERE d.task_id = w.task_id COLLATE "C" AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
            OFFSET 0
        ) AS u
    GROUP BY w.task_id
$$;

COMMENT ON FUNCTION sojourn.awaiting_tasks IS
    'Those of some tasks that have not begun and wait for others, whether one of these is unfinished or failed (waits), '
    'and when the last of them entered its status, now or as of sojourn.as_of.';
