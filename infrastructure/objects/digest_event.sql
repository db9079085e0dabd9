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
