-- Return the salted hash of a text, in hex: that of the JSON of a field that may be erased.
CREATE OR REPLACE FUNCTION sojourn.salted_hash(field text, value text, salt bytea) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT encode(
        sha256(coalesce(sha256(salt || convert_to(field, 'UTF8')), ''::bytea) || convert_to(value, 'UTF8')), 'hex'
    )
$$;

COMMENT ON FUNCTION sojourn.salted_hash IS 'Return the salted hash of the JSON of a field that may be erased, in hex.';
