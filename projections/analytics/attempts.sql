-- Count the attempts at tasks, and the seconds that failed ones took.
CREATE OR REPLACE FUNCTION sojourn.attempts(by text DEFAULT NULL, workflow_id text DEFAULT NULL)
RETURNS TABLE (
    "group" text, tasks bigint, attempts bigint, attempts_per_task float8, most_attempts integer,
    succeeded bigint, failed bigint, interrupted bigint, open bigint,
    total_seconds float8, wasted_seconds float8, wasted_share float8, first_try_share float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        a."group", a.tasks, a.attempts, a.attempts::float8 / a.tasks, a.most_attempts,
        a.succeeded, a.failed, a.interrupted, a.open,
        a.total_seconds, a.wasted_seconds, a.wasted_seconds / nullif(a.total_seconds, 0),
        a.first_succeeded::float8 / nullif(a.first_ended, 0)
    FROM (
        SELECT
            sojourn.group_key(attempts.by, t.workflow_id, t.template, NULL, NULL) AS "group",
            count(DISTINCT t.task_id) AS tasks, count(*) AS attempts, max(t.ordinal) AS most_attempts,
            count(*) FILTER (WHERE t.outcome = 'succeeded') AS succeeded,
            count(*) FILTER (WHERE t.outcome = 'failed') AS failed,
            count(*) FILTER (WHERE t.outcome = 'interrupted') AS interrupted,
            count(*) FILTER (WHERE t.outcome IS NULL) AS open,
            sum(t.seconds) AS total_seconds,
            coalesce(sum(t.seconds) FILTER (WHERE t.outcome = 'failed'), 0) AS wasted_seconds,
            count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome = 'succeeded') AS first_succeeded,
            count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome IS NOT NULL) AS first_ended
        FROM sojourn.attempt AS t
        WHERE
            sojourn.check_choice('by', attempts.by, ARRAY[NULL, 'workflow', 'template'])
            AND sojourn.check_workflow(attempts.workflow_id)
            AND (attempts.workflow_id IS NULL OR t.workflow_id = attempts.workflow_id)
        GROUP BY 1
    ) AS a
    ORDER BY a."group" NULLS FIRST
$$;

COMMENT ON FUNCTION sojourn.attempts IS
    'The attempts at tasks, by workflow or template if asked: how many each task took, how they came out, the seconds '
    'in those that failed (wasted), and the share of tasks whose first attempt succeeded, of those whose first attempt '
    'has ended. Tasks without an attempt do not count.';
