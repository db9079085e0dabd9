-- Format a time for sentences: in UTC, to the millisecond.
CREATE OR REPLACE FUNCTION sojourn.format_utc("time" timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char("time" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

COMMENT ON FUNCTION sojourn.format_utc IS 'A time as text: in UTC, to the millisecond.';
