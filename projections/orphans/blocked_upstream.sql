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
    ),
    first AS (
        SELECT DISTINCT ON (p.task_id) p.task_id, c.*, count(*) OVER (PARTITION BY p.task_id) AS causes
        FROM pair AS p JOIN cause AS c ON c.cause_id = p.cause_id
        ORDER BY p.task_id, c.since, c.position
    )
    SELECT
        'task', t.task_id, t.task_id, t.workflow_id, 'blocked-upstream', false,
        greatest(f.since, edge.since), ARRAY[edge.position, f.position],
        format('task:%s in a terminal status that is not a failure', f.cause_id),
        format(
            'task:%s is %s and cannot start, because task:%s, %s, is %s since %s%s%s', t.task_id, t.status, f.cause_id,
            CASE
                WHEN EXISTS (
                    SELECT FROM sojourn.dependency AS d
                    WHERE
                        d.task_id = t.task_id AND d.upstream_id = f.cause_id
                        AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                )
                    THEN 'upstream of it'
                ELSE 'upstream of what it waits for'
            END,
            f.status, sojourn.format_utc(f.entered_at),
            CASE f.reason
                WHEN 'failed' THEN ''
                WHEN 'hold' THEN ' on hold'
                WHEN 'ended-parent' THEN ' although its parent has ended'
                WHEN 'stalled-task' THEN ' without an active instance'
                WHEN 'missed-heartbeat' THEN ' with an instance that is silent'
                WHEN 'dead-runner' THEN ' with a runner that is silent'
            END,
            CASE WHEN f.causes > 1 THEN format(' (the first of %s causes)', f.causes) ELSE '' END
        ),
        t.status
    FROM
        first AS f
        JOIN sojourn.current_task AS t ON t.task_id = f.task_id
        CROSS JOIN LATERAL (
            SELECT d.since, d.position
            FROM sojourn.dependency AS d
            WHERE d.task_id = t.task_id
            ORDER BY d.position
            LIMIT 1
        ) AS edge
    WHERE
        sojourn.check_workflow(blocked_upstream.workflow_id)
        AND (blocked_upstream.workflow_id IS NULL OR t.workflow_id = blocked_upstream.workflow_id)
$$;

COMMENT ON FUNCTION sojourn.blocked_upstream IS
    'The orphans of the rule blocked-upstream, of one task, of a workflow, or all, now or as of sojourn.as_of.';
