-- Return the tasks because of which others cannot start: of one task, of a workflow's tasks, or of all.
-- A task cannot start because of one that it waits for, at any distance through tasks that have not begun either: that
-- one failed and will not be tried again, or nothing moves it on (`reason`). Where such a task has not begun itself, only
-- the first one counts.
CREATE OR REPLACE FUNCTION sojourn.first_causes(workflow_id text DEFAULT NULL, task_id text DEFAULT NULL)
RETURNS TABLE (
    cause_id text, workflow_id text, status text, entered_at timestamptz, owner text, reason text, since timestamptz,
    "position" bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.end_id, e.workflow_id, e.status, e.entered_at, e.owner, e.reason, e.since, e.position
    FROM sojourn.upstream_roots(first_causes.workflow_id, first_causes.task_id) AS e
    WHERE e.reason IS NOT NULL
$$;

COMMENT ON FUNCTION sojourn.first_causes IS
    'The tasks because of which others cannot start: of one task, of a workflow''s tasks, or of all. reason: failed, '
    'hold, or the orphan rule by which nothing moves it on; since: from when on it has kept others from starting.';
