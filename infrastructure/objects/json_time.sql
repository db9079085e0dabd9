-- Return a time as events have it in their JSON: in UTC, with six digits of a fraction or none.
CREATE OR REPLACE FUNCTION sojourn.json_time(moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT replace(to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')
$$;

COMMENT ON FUNCTION sojourn.json_time IS 'Return a time as events have it in their JSON.';
