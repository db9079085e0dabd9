-- Return the row of sojourn.wait that an event makes, or no row where it does not state what its entity waits for.
CREATE OR REPLACE FUNCTION sojourn.project_wait(event sojourn.stored_event) RETURNS TABLE (
    "position" bigint, entity_kind text, entity_id text, version integer, task_id text, workflow_id text, status text,
    since timestamptz, kind text, detail text, holders text []
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        event.position, event.entity_kind, event.entity_id, event.version, coalesce(event.task_id, event.entity_id),
        event.workflow_id, event.status, greatest(coalesce(event.occurred_at, event.recorded_at), event.entered_at),
        event.rest #>> '{waits_for,kind}', event.rest #>> '{waits_for,detail}',
        CASE
            WHEN event.rest #> '{waits_for,holders}' IS NOT NULL
                THEN ARRAY(SELECT jsonb_array_elements_text(event.rest #> '{waits_for,holders}'))
        END
    WHERE event.rest ? 'waits_for'
$$;

COMMENT ON FUNCTION sojourn.project_wait IS 'Return the row of sojourn.wait that an event makes, if any.';
