-- Every entry is +1 and every exit -1, which is the entry of what comes after: no stay need be paired with its end.
-- Ends and starts of one instant are netted, so that a stay of no length leaves no trace.
CREATE OR REPLACE FUNCTION sojourn.concurrency(
    entity_kind text, status text, workflow_id text DEFAULT NULL, by text DEFAULT NULL
)
RETURNS TABLE ("group" text, at timestamptz, n bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c."group", c.at, sum(c.step) OVER (PARTITION BY c."group" ORDER BY c.at) AS n
    FROM (
        SELECT
            sojourn.group_of(concurrency.by, s.workflow_id, s.template, NULL, NULL) AS "group",
            s.entered_at AS at,
            sum(
                (s.status = concurrency.status)::integer
                - coalesce(s.previous_status = concurrency.status, false)::integer
            )::integer AS step
        FROM sojourn.status_audit AS s
        WHERE
            s.entity_kind = concurrency.entity_kind
            AND (s.status = concurrency.status OR s.previous_status = concurrency.status)
            AND (concurrency.workflow_id IS NULL OR s.workflow_id = concurrency.workflow_id)
        GROUP BY 1, 2
    ) AS c
    WHERE c.step <> 0
    ORDER BY c."group" NULLS FIRST, c.at
$$;

COMMENT ON FUNCTION sojourn.concurrency IS
    'How many tasks or task instances were in a status at once, exactly: one row at each change, by workflow or '
    'template if asked. What is still there stays counted.';
