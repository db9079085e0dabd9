-- Count the attempts at tasks, and the seconds that failed ones ran.
CREATE OR REPLACE FUNCTION sojourn.count_attempts(by text DEFAULT NULL, workflow_id text DEFAULT NULL)
RETURNS TABLE (
    "group" text, tasks bigint, attempts bigint, attempts_per_task float8, most_attempts integer,
    succeeded bigint, failed bigint, cancelled bigint, interrupted bigint, lost bigint, open bigint,
    total_seconds float8, run_seconds float8, wasted_seconds float8, wasted_share float8, first_try_share float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        a."group", a.tasks, a.attempts, a.attempts::float8 / a.tasks, a.most_attempts,
        a.succeeded, a.failed, a.cancelled, a.interrupted, a.lost, a.open,
        a.total_seconds, a.run_seconds, a.wasted_seconds, a.wasted_seconds / nullif(a.run_seconds, 0),
        a.first_succeeded::float8 / nullif(a.first_ended, 0)
    FROM (
        SELECT
            sojourn.group_key(count_attempts.by, t.workflow_id, t.template, NULL, NULL) AS "group",
            count(DISTINCT t.task_id) AS tasks, count(*) AS attempts, max(t.ordinal) AS most_attempts,
            count(*) FILTER (WHERE t.outcome = 'succeeded') AS succeeded,
            count(*) FILTER (WHERE t.outcome = 'failed') AS failed,
            count(*) FILTER (WHERE t.outcome = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE t.outcome = 'interrupted') AS interrupted,
            count(*) FILTER (WHERE t.outcome = 'lost') AS lost,
            count(*) FILTER (WHERE t.outcome IS NULL) AS open,
            sum(t.seconds) AS total_seconds, sum(t.run_seconds) AS run_seconds,
            coalesce(sum(t.run_seconds) FILTER (WHERE t.outcome = 'failed'), 0) AS wasted_seconds,
            count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome = 'succeeded') AS first_succeeded,
            count(*) FILTER (
                WHERE t.ordinal = 1 AND t.outcome IN ('succeeded', 'failed', 'interrupted')
            ) AS first_ended
        FROM sojourn.attempt AS t
        WHERE
            sojourn.check_choice('by', count_attempts.by, ARRAY[NULL, 'workflow', 'template'])
            AND sojourn.check_workflow(count_attempts.workflow_id)
            AND (count_attempts.workflow_id IS NULL OR t.workflow_id = count_attempts.workflow_id)
        GROUP BY 1
    ) AS a
    ORDER BY a."group" NULLS FIRST
$$;

COMMENT ON FUNCTION sojourn.count_attempts IS
    'The attempts at tasks, by workflow or template if asked: how many each task took, how they came out, the seconds '
    'that failed ones ran (wasted), and the share of tasks whose first attempt succeeded, of those whose first attempt '
    'came to an end of its own. Tasks without an attempt do not count.';
