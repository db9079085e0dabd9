-- Return the workflows whose attempts the sums do not have as of a time: those with later events, and those whose sums
-- do not hold then.
CREATE OR REPLACE FUNCTION sojourn.unsummed_workflows(at timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT e.workflow_id
    FROM sojourn.stored_event AS e
    WHERE e.position > (SELECT sojourn.summed_to()) AND (e.version = 1 OR e.previous_status IS NOT NULL) AND e.workflow_id IS NOT NULL
    UNION
    SELECT s.workflow_id
    FROM sojourn.attempt_sum AS s
    WHERE
        s.begins_at <= unsummed_workflows.at
        AND NOT (s.holds_from <= unsummed_workflows.at AND unsummed_workflows.at <= s.holds_until)
$$;

COMMENT ON FUNCTION sojourn.unsummed_workflows IS
    'The workflows whose attempts sojourn.attempt_sum does not have as of a time.';
