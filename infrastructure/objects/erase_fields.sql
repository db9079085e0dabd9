-- Return whether an event was reported by an actor of that name: it is that of the component or of the user.
CREATE OR REPLACE FUNCTION sojourn.names_actor(data jsonb, name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(data -> 'actor' ->> 'component' = name OR data -> 'actor' ->> 'user' = name, false)
$$;

COMMENT ON FUNCTION sojourn.names_actor IS
    'Return whether an event was reported by an actor whose component or user has that name.';

-- Return the JSON of an event after an erasure: its actor is a name that stands for nobody, its reasons and paths are gone.
CREATE OR REPLACE FUNCTION sojourn.erase_fields(data jsonb, pseudonym text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT data || coalesce(
        jsonb_object_agg(
            n.name,
            CASE n.name WHEN 'actor' THEN jsonb_build_object('component', pseudonym) ELSE '"erased"'::jsonb END
        ),
        '{}'
    )
    FROM unnest('{actor,reason,rule_reason,stdout,stderr}'::text[]) AS n (name)
    WHERE data ? n.name
$$;

COMMENT ON FUNCTION sojourn.erase_fields IS
    'Return the JSON of an event after an erasure: with another actor, and without its reasons and paths.';
