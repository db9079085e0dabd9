-- Return whether `rest` has a field of a stored event that a column has too, but does not show exactly.
CREATE OR REPLACE FUNCTION sojourn.has_overridden(stored sojourn.stored_event) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stored.rest IS NOT NULL AND stored.rest ?| '{
        actor,cause,command_id,distributor_id,num_attempts,ordinal,owner,previous_status,reason,report_by_date,reported,rule,
        runner_id,status,task_id
    }'::text []
$$;

COMMENT ON FUNCTION sojourn.has_overridden IS
    'Return whether a stored event has a field of a column among its other fields, because the column does not show it exactly.';
