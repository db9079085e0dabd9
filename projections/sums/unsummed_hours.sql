-- Return the hours in which entities changed by events that the sums do not have yet, with the number of these events.
CREATE OR REPLACE FUNCTION sojourn.unsummed_hours() RETURNS TABLE (hour timestamptz, events bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_trunc('hour', e.entered_at, 'UTC'), count(*)
    FROM sojourn.stored_event AS e
    WHERE e.position > (SELECT sojourn.summed_to()) AND (e.version = 1 OR e.previous_status IS NOT NULL)
    GROUP BY 1
$$;

COMMENT ON FUNCTION sojourn.unsummed_hours IS
    'The hours (in UTC) in which entities changed by events that sojourn.hour_sum does not have yet.';
