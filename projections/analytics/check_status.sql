-- Return true where a lifecycle of the log has a status for entities of a kind, or raise an error that lists its statuses.
-- A log without lifecycles knows no statuses, so that none is wrong.
CREATE OR REPLACE FUNCTION sojourn.check_status(entity_kind text, status text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    known text[] := ARRAY(
        SELECT DISTINCT s.status
        FROM sojourn.lifecycle_status AS s
        WHERE s.entity_kind = check_status.entity_kind
        ORDER BY 1
    );
BEGIN
    RETURN known = '{}' OR sojourn.check_choice('status', status, known);
END
$$;

COMMENT ON FUNCTION sojourn.check_status IS
    'true; raises invalid_parameter_value, with the known statuses, where no lifecycle of the log has a status.';
