-- Return how many tasks cannot start because of a cause: those that sojourn.blocked_tasks returns for it.
CREATE OR REPLACE FUNCTION sojourn.count_blocked(cause text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_memoize = off
SET work_mem = '64MB' AS $$
    SELECT count(*)
    FROM sojourn.task AS c CROSS JOIN LATERAL sojourn.tasks_behind(c.task_id, c.workflow_id) AS b
    WHERE c.task_id = count_blocked.cause AND b.task_id <> c.task_id
$$;

COMMENT ON FUNCTION sojourn.count_blocked IS
    'How many tasks cannot start because of a cause, now or as of sojourn.as_of.';
