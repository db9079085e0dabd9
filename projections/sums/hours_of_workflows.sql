-- Return the hours in which entities of some workflows changed.
CREATE OR REPLACE FUNCTION sojourn.hours_of_workflows(workflow_ids text[]) RETURNS timestamptz[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT date_trunc('hour', t.entered_at, 'UTC'))
    FROM sojourn.transition AS t
    WHERE t.workflow_id = ANY (hours_of_workflows.workflow_ids)
$$;

COMMENT ON FUNCTION sojourn.hours_of_workflows IS 'The hours (in UTC) in which entities of some workflows changed.';
