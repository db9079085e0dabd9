-- Put the sums of the attempts of some workflows in the place of those that were kept before.
CREATE OR REPLACE FUNCTION sojourn.keep_attempts(workflow_ids text[]) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    PERFORM set_config('sojourn.as_of', '', true);
    DELETE FROM sojourn.attempt_sum AS s WHERE s.workflow_id = ANY (workflow_ids);
    INSERT INTO sojourn.attempt_sum SELECT s.* FROM sojourn.sum_attempts(workflow_ids) AS s;
END
$$;

COMMENT ON FUNCTION sojourn.keep_attempts IS 'Bring sojourn.attempt_sum up to the transitions of some workflows.';
