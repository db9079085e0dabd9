-- Return the SHA-256 of an event: of every column, in a form that no setting changes.
CREATE OR REPLACE FUNCTION sojourn.digest_event(event sojourn.event) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        event.position, event.stream, event.version, event.name, event.workflow_id,
        extract(epoch FROM event.recorded_at), extract(epoch FROM event.occurred_at),
        extract(epoch FROM event.entered_at), event.data
    )::text, 'UTF8'))
$$;

COMMENT ON FUNCTION sojourn.digest_event IS 'Return the SHA-256 of an event: of every column, whatever the settings.';

-- Return the columns of a stored event as the beginning of a JSON array, as jsonb prints it: what digests and seals state.
CREATE OR REPLACE FUNCTION sojourn.stated_columns(stored sojourn.stored_event) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT concat(
        '[', stored.position, ', ', to_json(sojourn.event_stream(stored)), ', ', stored.version, ', ',
        to_json(sojourn.event_name(stored)), ', ', to_json(stored.workflow_id), ', ',
        to_json(extract(epoch FROM stored.recorded_at)), ', ',
        coalesce(to_json(extract(epoch FROM stored.occurred_at))::text, 'null'), ', ',
        to_json(extract(epoch FROM stored.entered_at)), ', '
    )
$$;

COMMENT ON FUNCTION sojourn.stated_columns IS
    'Return the columns of a stored event as the beginning of the JSON array that digests and seals hash.';

-- Return the SHA-256 of a stored event: that of sojourn.digest_event.
CREATE OR REPLACE FUNCTION sojourn.digest_stored(stored sojourn.stored_event) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(
        sojourn.stated_columns(stored)
        || CASE
            WHEN stored.rest IS NULL
                THEN sojourn.event_json(stored, sojourn.actor_json(stored), stored.reason, NULL)
            ELSE sojourn.event_data(stored)::text
        END || ']',
        'UTF8'
    ))
$$;

COMMENT ON FUNCTION sojourn.digest_stored IS 'Return the SHA-256 of a stored event: that of sojourn.digest_event.';
