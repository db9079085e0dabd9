-- Return what hides the fields of an event that may be erased: the salt of the event, which comes from the seed of its seal
-- or else is stored, and what an erasure has kept of its fields, which is the hash of one that is gone and the salt of another.
-- It is one SELECT without a SET, so that the planner puts it into the query that calls it. As an aggregate, it is
-- computed once for each event, however often its columns are used.
CREATE OR REPLACE FUNCTION sojourn.find_salts(event_position bigint, seed bytea) RETURNS TABLE (salt bytea, kept jsonb)
LANGUAGE sql STABLE AS $$
    SELECT
        coalesce(
            (SELECT s.salt FROM sojourn.seal_salt AS s WHERE s.position = event_position),
            sha256(seed || int8send(event_position))
        ),
        jsonb_object_agg(
            f.field,
            CASE
                WHEN f.salt IS NULL THEN jsonb_build_object('commitment', encode(f.commitment, 'hex'))
                ELSE jsonb_build_object('salt', encode(f.salt, 'hex'))
            END
        )
    FROM sojourn.erased_field AS f
    WHERE f.position = event_position
$$;

COMMENT ON FUNCTION sojourn.find_salts IS
    'Returns the salt of a sealed event, and what is kept of its fields where one was erased.';
