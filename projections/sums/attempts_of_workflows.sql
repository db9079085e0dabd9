-- Count the attempts at the tasks of a workflow, or of all (NULL), by workflow and template.
-- Those of all workflows come from the sums, where somebody keeps them, and for what the sums do not have as of the time that
-- is asked about from the transitions. Where that is most of them, all are read in one pass.
CREATE OR REPLACE FUNCTION sojourn.attempts_of_workflows(workflow_id text)
RETURNS TABLE (
    of_workflow text, template text, tasks bigint, attempts bigint, most_attempts integer, succeeded bigint,
    failed bigint, cancelled bigint, interrupted bigint, lost bigint, open bigint, first_succeeded bigint,
    first_ended bigint, total_seconds float8, run_seconds float8, wasted_seconds float8
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    asked     timestamptz := sojourn.as_of_or_now();
    is_summed boolean := workflow_id IS NULL AND sojourn.summed_to() > 0;
    to_read   text[];
BEGIN
    IF workflow_id IS NOT NULL THEN
        to_read := ARRAY[workflow_id];
    ELSIF is_summed THEN
        to_read := ARRAY(SELECT sojourn.unsummed_workflows(asked));
        IF 2 * cardinality(to_read) > 20 + (SELECT count(DISTINCT s.workflow_id) FROM sojourn.attempt_sum AS s) THEN
            is_summed := false;
            to_read := NULL; -- all
        END IF;
    END IF;
    RETURN QUERY
        SELECT
            t.workflow_id, t.template, t.tasks, t.attempts, t.most_attempts, t.succeeded, t.failed, t.cancelled,
            t.interrupted, t.lost, t.open, t.first_succeeded, t.first_ended, t.ended_seconds + t.open_seconds,
            t.run_seconds, t.wasted_seconds
        FROM sojourn.total_attempts(to_read) AS t;
    IF is_summed THEN
        RETURN QUERY
            SELECT
                s.workflow_id, s.template, s.tasks, s.attempts, s.most_attempts, s.succeeded, s.failed, s.cancelled,
                s.interrupted, s.lost, s.open, s.first_succeeded, s.first_ended,
                s.ended_seconds + (s.open * extract(epoch FROM asked) - s.open_since)::float8,
                s.ran_seconds + (s.running * extract(epoch FROM asked) - s.running_since)::float8, s.wasted_seconds
            FROM sojourn.attempt_sum AS s
            WHERE s.begins_at <= asked AND s.workflow_id <> ALL (to_read);
    END IF;
END
$$;

COMMENT ON FUNCTION sojourn.attempts_of_workflows IS
    'The attempts at the tasks of a workflow (NULL: of all) by workflow and template, from sojourn.attempt_sum where that '
    'has them.';
