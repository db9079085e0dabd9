-- Return the kind of the entity that a stream belongs to, such as task. The planner puts it into the query that calls it.
CREATE OR REPLACE FUNCTION sojourn.kind_of(stream text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT split_part(stream, ':', 1)
$$;

COMMENT ON FUNCTION sojourn.kind_of IS 'Return the kind of the entity that a stream belongs to.';

-- Return the id of the entity that a stream belongs to.
CREATE OR REPLACE FUNCTION sojourn.id_of(stream text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT substr(stream, strpos(stream, ':') + 1)
$$;

COMMENT ON FUNCTION sojourn.id_of IS 'Return the id of the entity that a stream belongs to.';
