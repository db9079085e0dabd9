-- Return the leaf that a seal has of an event: the hash of what it states.
CREATE OR REPLACE FUNCTION sojourn.hash_sealed(event sojourn.event, salt bytea, kept jsonb) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || convert_to(sojourn.sealed_content(event, salt, kept), 'UTF8'))
$$;

COMMENT ON FUNCTION sojourn.hash_sealed IS 'Returns the leaf that a seal has of an event.';
