-- Return the JSON of a stored event.
CREATE OR REPLACE FUNCTION sojourn.event_data(stored sojourn.stored_event) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sojourn.event_text(stored)::jsonb
$$;

COMMENT ON FUNCTION sojourn.event_data IS 'Return the JSON of a stored event.';

-- Return the stream of a stored event.
CREATE OR REPLACE FUNCTION sojourn.event_stream(stored sojourn.stored_event) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stored.entity_kind || ':' || stored.entity_id
$$;

COMMENT ON FUNCTION sojourn.event_stream IS 'Return the stream of a stored event.';

-- Return the name of a stored event.
CREATE OR REPLACE FUNCTION sojourn.event_name(stored sojourn.stored_event) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stored.entity_kind || '.' || coalesce(stored.event_type, 'transitioned.v1')
$$;

COMMENT ON FUNCTION sojourn.event_name IS 'Return the name of a stored event.';

-- Return the event that caused a stored event, as stream@version.
CREATE OR REPLACE FUNCTION sojourn.event_cause(stored sojourn.stored_event) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        CASE stored.entity_kind WHEN 'task' THEN 'task_instance:' ELSE 'task:' END || stored.cause, stored.rest ->> 'cause'
    )
$$;

COMMENT ON FUNCTION sojourn.event_cause IS 'Return the event that caused a stored event, as stream@version.';

-- Return the host of the actor of a stored event.
CREATE OR REPLACE FUNCTION sojourn.event_host(stored sojourn.stored_event) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(stored.actor_host, stored.rest -> 'actor' ->> 'host')
$$;

COMMENT ON FUNCTION sojourn.event_host IS 'Return the host of the actor of a stored event.';

-- Return the user of the actor of a stored event.
CREATE OR REPLACE FUNCTION sojourn.event_user(stored sojourn.stored_event) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(stored.actor_user, stored.rest -> 'actor' ->> 'user')
$$;

COMMENT ON FUNCTION sojourn.event_user IS 'Return the user of the actor of a stored event.';

-- Return about how many bytes the JSON of a stored event takes, without making it.
CREATE OR REPLACE FUNCTION sojourn.event_bytes(stored sojourn.stored_event) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        200 + coalesce(octet_length(stored.reason), 0) + coalesce(octet_length(stored.actor_host), 0)
        + coalesce(octet_length(stored.actor_user), 0) + coalesce(octet_length(stored.rest::text), 0)
$$;

COMMENT ON FUNCTION sojourn.event_bytes IS 'Return about how many bytes the JSON of a stored event takes.';
