-- Return whether the sketches answer a question about all stays of a kind, because there are many of them.
-- Fewer than sojourn.exact_below stays (200,000) are read one by one, and so is what is not in the sketches: workflows,
-- and groups other than templates.
CREATE OR REPLACE FUNCTION sojourn.is_sketched(entity_kind text, by text, workflow_id text, exact boolean)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        is_sketched.workflow_id IS NULL AND NOT is_sketched.exact
        AND (is_sketched.by IS NULL OR is_sketched.by = 'template')
        AND coalesce(sum(s.n), 0)
        >= coalesce(nullif(current_setting('sojourn.exact_below', true), '')::bigint, 200000)
    FROM sojourn.stay_sketch AS s
    WHERE
        s.entity_kind = is_sketched.entity_kind
        AND s.day < coalesce((sojourn.as_of() AT TIME ZONE 'UTC')::date, 'infinity')
$$;

COMMENT ON FUNCTION sojourn.is_sketched IS
    'Whether sojourn.measure_time_in_status reads the sketches: where sojourn.exact_below stays (200000) or more have '
    'ended, none is of a chosen workflow, and the groups are templates or none.';
