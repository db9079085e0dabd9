-- The time that the session asks about (SET sojourn.as_of = '...'), or NULL for now. RESET leaves '' behind.
CREATE OR REPLACE FUNCTION sojourn.as_of() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('sojourn.as_of', true), '')::timestamptz
$$;
