-- Summarise how long tasks waited and ran, by group and by when they were registered.
CREATE OR REPLACE FUNCTION sojourn.queue_wait(
    by text DEFAULT NULL, per text DEFAULT NULL, workflow_id text DEFAULT NULL, since timestamptz DEFAULT NULL,
    until timestamptz DEFAULT NULL
)
RETURNS TABLE (
    "group" text, period text, tasks bigint, started bigint, ended bigint,
    wait_seconds float8, wait_p50 float8, wait_p90 float8, run_seconds float8, run_p50 float8, run_p90 float8,
    expansion_mean float8, expansion_p50 float8, expansion_p90 float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        CASE queue_wait.by
            WHEN 'workflow' THEN t.workflow_id
            WHEN 'template' THEN t.template
            WHEN 'user' THEN t.user_name
            WHEN 'partition' THEN t.partition
        END AS "group",
        -- Another value is left to the check below, which names the argument.
        sojourn.group_key(
            CASE WHEN queue_wait.per IN ('hour', 'day', 'week') THEN queue_wait.per END, NULL, NULL, NULL, t.registered_at
        ) AS period,
        count(*), count(t.started_at), count(t.ended_at),
        sum(t.wait_seconds), percentile_cont(0.5) WITHIN GROUP (ORDER BY t.wait_seconds),
        percentile_cont(0.9) WITHIN GROUP (ORDER BY t.wait_seconds),
        sum(t.run_seconds),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY t.run_seconds) FILTER (WHERE t.started_at IS NOT NULL),
        percentile_cont(0.9) WITHIN GROUP (ORDER BY t.run_seconds) FILTER (WHERE t.started_at IS NOT NULL),
        avg(t.expansion_factor), percentile_cont(0.5) WITHIN GROUP (ORDER BY t.expansion_factor),
        percentile_cont(0.9) WITHIN GROUP (ORDER BY t.expansion_factor)
    FROM sojourn.task_time AS t
    WHERE
        sojourn.check_choice('by', queue_wait.by, ARRAY[NULL, 'workflow', 'template', 'user', 'partition'])
        AND sojourn.check_choice('per', queue_wait.per, ARRAY[NULL, 'hour', 'day', 'week'])
        AND sojourn.check_workflow(queue_wait.workflow_id)
        AND (queue_wait.workflow_id IS NULL OR t.workflow_id = queue_wait.workflow_id)
        AND (queue_wait.since IS NULL OR t.registered_at >= queue_wait.since)
        AND (queue_wait.until IS NULL OR t.registered_at < queue_wait.until)
    GROUP BY 1, 2
    ORDER BY 2 NULLS FIRST, 1 NULLS FIRST
$$;

COMMENT ON FUNCTION sojourn.queue_wait IS
    'How long tasks waited and ran, in seconds, and their expansion factors ((wait + run) / run, of tasks that ran and '
    'ended), by workflow, template, user or partition, per hour, day or week (its Monday, in UTC) in which they were '
    'registered, if asked. since and until (excluded) restrict when they were registered. Run quantiles are of tasks '
    'that began to run.';
