-- Return the orphans of the rule blocked-upstream: tasks that cannot start because of one that they wait for.
-- They are those of one task, of a workflow, or all. Each names its first cause, and how many there are.
CREATE OR REPLACE FUNCTION sojourn.blocked_upstream(workflow_id text DEFAULT NULL, task_id text DEFAULT NULL)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, workflow_id text, rule text, decided boolean, since timestamptz,
    evidence bigint[], expected text, explanation text, status text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    WITH cause AS MATERIALIZED (
        SELECT c.* FROM sojourn.first_causes(blocked_upstream.workflow_id, blocked_upstream.task_id) AS c
    ),
    pair AS (
        SELECT c.cause_id, blocked_upstream.task_id AS task_id
        FROM cause AS c
        WHERE blocked_upstream.task_id IS NOT NULL
        UNION ALL
        SELECT b.cause_id, b.task_id
        FROM sojourn.blocked_tasks(
            ARRAY(SELECT c.cause_id FROM cause AS c WHERE blocked_upstream.task_id IS NULL)
        ) AS b
        WHERE blocked_upstream.workflow_id IS NULL OR b.workflow_id = blocked_upstream.workflow_id
    ),
    first AS (
        SELECT DISTINCT ON (p.task_id)
            p.task_id, c.cause_id, c.reason, c.since, c.position, count(*) OVER (PARTITION BY p.task_id) AS causes
        FROM pair AS p JOIN cause AS c ON c.cause_id = p.cause_id
        ORDER BY p.task_id, c.since, c.position
    )
    SELECT e.*
    FROM
        (
            SELECT
                array_agg(f.task_id) AS task_ids, array_agg(f.cause_id) AS cause_ids, array_agg(f.reason) AS reasons,
                array_agg(f.since) AS sinces, array_agg(f.position) AS positions, array_agg(f.causes) AS causes
            FROM first AS f
        ) AS a
        CROSS JOIN LATERAL sojourn.explain_blocked(
            a.task_ids, a.cause_ids, a.reasons, a.sinces, a.positions, a.causes
        ) AS e
$$;

COMMENT ON FUNCTION sojourn.blocked_upstream IS
    'The orphans of the rule blocked-upstream, of one task, of a workflow, or all, now or as of sojourn.as_of.';
