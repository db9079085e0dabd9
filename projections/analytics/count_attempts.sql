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
            sojourn.group_key(count_attempts.by, t.of_workflow, t.template, NULL, NULL) AS "group",
            sum(t.tasks)::bigint AS tasks, sum(t.attempts)::bigint AS attempts, max(t.most_attempts) AS most_attempts,
            sum(t.succeeded)::bigint AS succeeded, sum(t.failed)::bigint AS failed,
            sum(t.cancelled)::bigint AS cancelled, sum(t.interrupted)::bigint AS interrupted,
            sum(t.lost)::bigint AS lost, sum(t.open)::bigint AS open, sum(t.total_seconds) AS total_seconds,
            sum(t.run_seconds) AS run_seconds, sum(t.wasted_seconds) AS wasted_seconds,
            sum(t.first_succeeded) AS first_succeeded, sum(t.first_ended) AS first_ended
        FROM sojourn.attempts_of_workflows(count_attempts.workflow_id) AS t
        WHERE
            sojourn.check_choice('by', count_attempts.by, ARRAY[NULL, 'workflow', 'template'])
            AND sojourn.check_workflow(count_attempts.workflow_id)
        GROUP BY 1
    ) AS a
    ORDER BY a."group" NULLS FIRST
$$;

COMMENT ON FUNCTION sojourn.count_attempts IS
    'The attempts at tasks, by workflow or template if asked: how many each task took, how they came out, the seconds '
    'that failed ones ran (wasted), and the share of tasks whose first attempt succeeded, of those whose first attempt '
    'came to an end of its own. Tasks without an attempt do not count.';
