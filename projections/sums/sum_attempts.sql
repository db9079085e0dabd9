-- Sum up the attempts at the tasks of some workflows, and between which times these sums hold.
-- They hold once the last event of the workflow is past. Where a workflow has not ended, an attempt may count as lost from a
-- day after that event on: sums with such attempts hold after that, and those with open ones before, unless the day has
-- passed. A day has 23 to 25 hours, because the time zone of who asks may change its clock.
CREATE OR REPLACE FUNCTION sojourn.sum_attempts(workflow_ids text[]) RETURNS SETOF sojourn.attempt_sum
LANGUAGE sql STABLE PARALLEL SAFE
SET jit = off AS $$
    SELECT
        t.workflow_id, t.template, t.tasks, t.attempts, t.most_attempts, t.succeeded, t.failed, t.cancelled,
        t.interrupted, t.lost, t.open, t.first_succeeded, t.first_ended, t.ended_seconds,
        t.run_seconds - (t.running * extract(epoch FROM statement_timestamp()) - t.running_since)::float8,
        t.wasted_seconds, t.open_since, t.running, t.running_since, t.begins_at,
        CASE WHEN t.lost > 0 AND NOT w.has_ended THEN w.last_at + interval '25 hours' ELSE w.last_at END,
        CASE
            WHEN w.last_at > statement_timestamp() THEN '-infinity' -- what runs from then on is counted once it is past
            WHEN t.open = 0 OR statement_timestamp() > w.last_at + interval '25 hours' THEN 'infinity'
            ELSE w.last_at + interval '23 hours'
        END
    FROM
        sojourn.total_attempts(sum_attempts.workflow_ids) AS t
        CROSS JOIN LATERAL (
            SELECT e.last_at, e.has_ended FROM sojourn.workflow_end AS e WHERE e.workflow_id = t.workflow_id OFFSET 0
        ) AS w
$$;

COMMENT ON FUNCTION sojourn.sum_attempts IS 'The rows of sojourn.attempt_sum for some workflows, from the transitions.';
