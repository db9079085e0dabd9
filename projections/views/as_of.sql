-- Return the time that the session asks about (SET sojourn.as_of = '...'), or NULL for now.
-- RESET leaves '' behind.
CREATE OR REPLACE FUNCTION sojourn.as_of() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('sojourn.as_of', true), '')::timestamptz
$$;

-- The same, with the time of the statement in the place of NULL.
CREATE OR REPLACE FUNCTION sojourn.as_of_or_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(sojourn.as_of(), statement_timestamp())
$$;

COMMENT ON FUNCTION sojourn.as_of IS 'The time that the session asks about (SET sojourn.as_of), or NULL for now.';

COMMENT ON FUNCTION sojourn.as_of_or_now IS 'The time that the session asks about, or that of the statement.';
