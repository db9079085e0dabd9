-- Return the salted hash of a field that may be erased, in hex, or NULL for a field that is missing.
-- kept has the salted hash of a field that was erased, or else its salt. What was erased is missing, or 'erased', or an actor
-- named erased or erased-1; where it has another value, its hash is that of the value, which no seal has.
CREATE OR REPLACE FUNCTION sojourn.sealed_field(field text, value jsonb, salt bytea, kept jsonb) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN
            kept -> field ? 'commitment'
            AND (
                value IS NULL OR value = '"erased"'
                OR (
                    value ->> 'component' ~ '^erased(-[1-9][0-9]*)?$'
                    AND value = jsonb_build_object('component', value -> 'component')
                )
            )
            THEN kept -> field ->> 'commitment'
        WHEN value IS NOT NULL
            THEN encode(
                sha256(
                    coalesce(decode(kept -> field ->> 'salt', 'hex'), sha256(salt || convert_to(field, 'UTF8')), ''::bytea)
                    || convert_to(value::text, 'UTF8')
                ),
                'hex'
            )
    END
$$;

COMMENT ON FUNCTION sojourn.sealed_field IS
    'Returns the salted hash under which a seal has a field of an event that may be erased, such as its actor.';
