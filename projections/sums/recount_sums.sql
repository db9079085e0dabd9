-- Bring the sums up to the log where workflows have left it, or come back: of the hours in which they changed, and of
-- their attempts. The lock of the checkpoint keeps a maintainer from passing it meanwhile.
CREATE OR REPLACE FUNCTION sojourn.recount_sums(workflow_ids text[], hours timestamptz[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sojourn.checkpoint AS c WHERE c.subscription = 'sums' FOR NO KEY UPDATE;
    IF sojourn.summed_to() > 0 THEN
        PERFORM sojourn.keep_hours(hours);
        PERFORM sojourn.keep_attempts(workflow_ids);
    END IF;
END
$$;

COMMENT ON FUNCTION sojourn.recount_sums IS
    'Bring sojourn.hour_sum and sojourn.attempt_sum up to the log, for some hours and workflows.';
