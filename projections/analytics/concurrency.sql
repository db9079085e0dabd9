-- Return how many entities were in a status at once, one row for each change.
-- Every entry counts +1 and every exit -1, which is the entry of the next status, so no interval is paired with its
-- end. Ends and starts of one instant are netted, so that an interval of no length leaves no trace. All windows are of
-- one query and in one order, so that a million intervals are sorted once, and by time alone where there are no groups.
CREATE OR REPLACE FUNCTION sojourn.concurrency(
    entity_kind text, status text, workflow_id text DEFAULT NULL, by text DEFAULT NULL
)
RETURNS TABLE ("group" text, at timestamptz, n bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c."group", c.at, c.n
    FROM (
        SELECT
            sojourn.group_key(concurrency.by, s.workflow_id, s.template, NULL, NULL) AS "group",
            s.entered_at AS at,
            sum(p.step) OVER in_time AS n,
            sum(p.step) OVER (
                PARTITION BY
                    sojourn.group_key(concurrency.by, s.workflow_id, s.template, NULL, NULL), s.entered_at
            ) AS net,
            lag(s.entered_at) OVER in_time AS before
        FROM
            sojourn.status_interval AS s
            CROSS JOIN LATERAL (
                SELECT
                    (s.status = concurrency.status)::integer
                    - coalesce(s.previous_status = concurrency.status, false)::integer
            ) AS p (step)
        WHERE
            sojourn.check_choice('entity_kind', concurrency.entity_kind, ARRAY['task', 'task_instance'])
            AND sojourn.check_status(concurrency.entity_kind, concurrency.status)
            AND sojourn.check_choice('by', concurrency.by, ARRAY[NULL, 'workflow', 'template'])
            AND sojourn.check_workflow(concurrency.workflow_id)
            AND s.entity_kind = concurrency.entity_kind
            AND (s.status = concurrency.status OR s.previous_status = concurrency.status)
            AND (concurrency.workflow_id IS NULL OR s.workflow_id = concurrency.workflow_id)
        WINDOW in_time AS (
            PARTITION BY sojourn.group_key(concurrency.by, s.workflow_id, s.template, NULL, NULL)
            ORDER BY s.entered_at
        )
        ORDER BY 1, 2
    ) AS c
    WHERE c.net <> 0 AND c.at IS DISTINCT FROM c.before
$$;

COMMENT ON FUNCTION sojourn.concurrency IS
    'How many tasks or task instances were in a status at once, exactly: one row at each change, by workflow or '
    'template if asked. Open intervals stay counted.';
