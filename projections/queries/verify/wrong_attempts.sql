-- Return the workflows whose sums of attempts differ from the transitions, without those whose sums are not read now.
WITH later AS MATERIALIZED (
    SELECT u.workflow_id FROM sojourn.unsummed_workflows(statement_timestamp()) AS u (workflow_id)
),
expected AS (
    SELECT
        t.*,
        t.run_seconds - (t.running * extract(epoch FROM statement_timestamp()) - t.running_since)::float8 AS ran_seconds
    FROM sojourn.total_attempts(NULL) AS t
    WHERE sojourn.summed_to() > 0 AND t.workflow_id NOT IN (SELECT l.workflow_id FROM later AS l)
),
found AS (
    SELECT s.* FROM sojourn.attempt_sum AS s WHERE s.workflow_id NOT IN (SELECT l.workflow_id FROM later AS l)
)
SELECT coalesce(e.workflow_id, f.workflow_id), coalesce(e.template, f.template), e.attempts, f.attempts
FROM
    expected AS e
    FULL JOIN found AS f
        ON f.workflow_id = e.workflow_id AND coalesce(f.template, '') = coalesce(e.template, '')
        AND (f.template IS NULL) = (e.template IS NULL)
WHERE
    (
        e.tasks, e.attempts, e.most_attempts, e.succeeded, e.failed, e.cancelled, e.interrupted, e.lost, e.open,
        e.first_succeeded, e.first_ended, e.open_since, e.running, e.running_since, e.begins_at
    ) IS DISTINCT FROM (
        f.tasks, f.attempts, f.most_attempts, f.succeeded, f.failed, f.cancelled, f.interrupted, f.lost, f.open,
        f.first_succeeded, f.first_ended, f.open_since, f.running, f.running_since, f.begins_at
    )
    -- Sums of floats depend on their order.
    OR abs(e.ended_seconds - f.ended_seconds) > 0.001 OR abs(e.ran_seconds - f.ran_seconds) > 0.001
    OR abs(e.wasted_seconds - f.wasted_seconds) > 0.001
ORDER BY 1, 2;
