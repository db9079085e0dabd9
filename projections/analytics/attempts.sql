-- Count the attempts at tasks, with the columns of version 0.1.
-- The name is kept for one version: a function that others' views call cannot get more columns.
CREATE OR REPLACE FUNCTION sojourn.attempts(by text DEFAULT NULL, workflow_id text DEFAULT NULL)
RETURNS TABLE (
    "group" text, tasks bigint, attempts bigint, attempts_per_task float8, most_attempts integer,
    succeeded bigint, failed bigint, interrupted bigint, open bigint,
    total_seconds float8, wasted_seconds float8, wasted_share float8, first_try_share float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        a."group", a.tasks, a.attempts, a.attempts_per_task, a.most_attempts, a.succeeded, a.failed, a.interrupted,
        a.open, a.total_seconds, a.wasted_seconds, a.wasted_share, a.first_try_share
    FROM sojourn.count_attempts(attempts.by, attempts.workflow_id) AS a
$$;

COMMENT ON FUNCTION sojourn.attempts IS 'The old form of sojourn.count_attempts.';
