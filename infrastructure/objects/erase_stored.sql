-- Return a stored event after an erasure, as sojourn.erase_fields describes.
CREATE OR REPLACE FUNCTION sojourn.erase_stored(stored sojourn.stored_event, pseudonym text) RETURNS sojourn.stored_event
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s
    FROM sojourn.store_event(ROW(
        stored.position, sojourn.event_stream(stored), stored.version, sojourn.event_name(stored), stored.workflow_id,
        stored.recorded_at, stored.occurred_at, stored.entered_at,
        sojourn.erase_fields(sojourn.event_data(stored), pseudonym), NULL, NULL, NULL
    )::sojourn.event) AS s
$$;

COMMENT ON FUNCTION sojourn.erase_stored IS 'Return a stored event after an erasure.';
