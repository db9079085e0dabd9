-- Return the leaf that a seal has of an event: the hash of what it states.
CREATE OR REPLACE FUNCTION sojourn.hash_sealed(event sojourn.event, salt bytea, kept jsonb) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || convert_to(sojourn.sealed_content(event, salt, kept), 'UTF8'))
$$;

COMMENT ON FUNCTION sojourn.hash_sealed IS 'Returns the leaf that a seal has of an event.';

-- Return what a seal states of a stored event, whatever fields it has. Its JSON is made once, which is why it is not SQL: the
-- planner would put it into the query that calls it, and make it for each field.
CREATE OR REPLACE FUNCTION sojourn.seal_stored(stored sojourn.stored_event, salt bytea, kept jsonb) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    data jsonb := sojourn.event_data(stored);
BEGIN
    RETURN sojourn.sealed_content(
        ROW(
            stored.position, sojourn.event_stream(stored), stored.version, sojourn.event_name(stored), stored.workflow_id,
            stored.recorded_at, stored.occurred_at, stored.entered_at, data, NULL, NULL, NULL
        )::sojourn.event,
        salt, kept
    );
END
$$;

COMMENT ON FUNCTION sojourn.seal_stored IS 'Returns what a seal states of a stored event, whatever fields it has.';

-- Return the leaf that a seal has of a stored event: that of sojourn.hash_sealed. What has no other fields than the columns,
-- and none that was erased, is stated without building its JSON.
CREATE OR REPLACE FUNCTION sojourn.hash_stored(stored sojourn.stored_event, salt bytea, kept jsonb) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || convert_to(
        CASE
            WHEN stored.rest IS NULL AND kept IS NULL
                THEN
                    sojourn.stated_columns(stored) || sojourn.event_json(stored, NULL, NULL, NULL) || ', '
                    || CASE
                        WHEN stored.actor IS NULL THEN 'null'
                        ELSE '"' || sojourn.salted_hash('actor', sojourn.actor_json(stored), salt) || '"'
                    END || ', '
                    || CASE
                        WHEN stored.reason IS NULL THEN 'null'
                        ELSE '"' || sojourn.salted_hash('reason', to_json(stored.reason)::text, salt) || '"'
                    END
                    || ', null, null, null]'
            ELSE sojourn.seal_stored(stored, salt, kept)
        END,
        'UTF8'
    ))
$$;

COMMENT ON FUNCTION sojourn.hash_stored IS 'Returns the leaf that a seal has of a stored event.';
