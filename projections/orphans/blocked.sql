-- Return the first causes because of which tasks cannot start, each with how many they are and the first five of them.
CREATE OR REPLACE FUNCTION sojourn.blocked(workflow_id text DEFAULT NULL)
RETURNS TABLE (
    cause text, status text, since timestamptz, owner text, reason text, workflow_id text, blocked bigint,
    examples text[]
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    WITH cause AS MATERIALIZED (
        SELECT c.* FROM sojourn.first_causes(blocked.workflow_id) AS c
    ),
    counted AS (
        SELECT b.cause_id, count(*) AS blocked, (array_agg(b.task_id ORDER BY b.task_id))[:5] AS examples
        FROM sojourn.blocked_tasks(ARRAY(SELECT c.cause_id FROM cause AS c)) AS b
        WHERE blocked.workflow_id IS NULL OR b.workflow_id = blocked.workflow_id
        GROUP BY b.cause_id
    )
    SELECT 'task:' || c.cause_id, c.status, c.entered_at, c.owner, c.reason, c.workflow_id, n.blocked, n.examples
    FROM cause AS c JOIN counted AS n ON n.cause_id = c.cause_id
    ORDER BY n.blocked DESC, c.entered_at, c.cause_id
$$;

COMMENT ON FUNCTION sojourn.blocked IS
    'The first causes because of which tasks cannot start, those of most tasks first: since when each is in its status, '
    'why it keeps others from starting, and how many it does, with the first five of them.';
