-- Count the attempts at the tasks of some workflows, or of all (NULL), by workflow and template.
-- Seconds of attempts that have ended are apart from those of open ones, which grow. open_since and running_since are sums
-- of seconds of the epoch, so that what open attempts took can be computed for a later time.
CREATE OR REPLACE FUNCTION sojourn.total_attempts(workflow_ids text[])
RETURNS TABLE (
    workflow_id text, template text, tasks bigint, attempts bigint, most_attempts integer, succeeded bigint,
    failed bigint, cancelled bigint, interrupted bigint, lost bigint, open bigint, first_succeeded bigint,
    first_ended bigint, ended_seconds float8, open_seconds float8, run_seconds float8, wasted_seconds float8,
    open_since numeric, running bigint, running_since numeric, begins_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        t.workflow_id, t.template, count(DISTINCT t.task_id), count(*), max(t.ordinal),
        count(*) FILTER (WHERE t.outcome = 'succeeded'), count(*) FILTER (WHERE t.outcome = 'failed'),
        count(*) FILTER (WHERE t.outcome = 'cancelled'), count(*) FILTER (WHERE t.outcome = 'interrupted'),
        count(*) FILTER (WHERE t.outcome = 'lost'), count(*) FILTER (WHERE t.outcome IS NULL),
        count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome = 'succeeded'),
        count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome IN ('succeeded', 'failed', 'interrupted')),
        coalesce(sum(t.seconds) FILTER (WHERE t.outcome IS NOT NULL), 0),
        coalesce(sum(t.seconds) FILTER (WHERE t.outcome IS NULL), 0), sum(t.run_seconds),
        coalesce(sum(t.run_seconds) FILTER (WHERE t.outcome = 'failed'), 0),
        coalesce(sum(extract(epoch FROM t.began_at)) FILTER (WHERE t.outcome IS NULL), 0),
        count(t.running_since) FILTER (WHERE t.outcome IS NULL),
        coalesce(sum(extract(epoch FROM t.running_since)) FILTER (WHERE t.outcome IS NULL), 0), min(t.began_at)
    FROM (
        SELECT a.* FROM sojourn.attempt AS a WHERE total_attempts.workflow_ids IS NULL
        UNION ALL
        -- Each workflow by itself, because the planner finds its rows by an index for one that is equal, not for any of some.
        SELECT a.*
        FROM
            unnest(total_attempts.workflow_ids) AS w (workflow_id)
            CROSS JOIN LATERAL (
                SELECT b.* FROM sojourn.attempt AS b WHERE b.workflow_id = w.workflow_id OFFSET 0 -- not as a join
            ) AS a
        WHERE total_attempts.workflow_ids IS NOT NULL
    ) AS t
    GROUP BY t.workflow_id, t.template
$$;

COMMENT ON FUNCTION sojourn.total_attempts IS
    'The attempts at the tasks of some workflows (NULL: of all) by workflow and template, as sojourn.count_attempts adds '
    'them up.';
