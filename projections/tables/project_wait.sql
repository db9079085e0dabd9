-- Return the row of sojourn.wait that an event makes, or no row where it does not state what its entity waits for.
CREATE OR REPLACE FUNCTION sojourn.project_wait(event sojourn.event) RETURNS TABLE (
    "position" bigint, entity_kind text, entity_id text, version integer, task_id text, workflow_id text, status text,
    since timestamptz, kind text, detail text, holders text []
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        event.position, split_part(event.stream, ':', 1), substr(event.stream, strpos(event.stream, ':') + 1),
        event.version,
        coalesce(event.data ->> 'task_id', substr(event.stream, strpos(event.stream, ':') + 1)), event.workflow_id,
        event.data ->> 'status', greatest(coalesce(event.occurred_at, event.recorded_at), event.entered_at),
        event.data #>> '{waits_for,kind}', event.data #>> '{waits_for,detail}',
        CASE
            WHEN event.data #> '{waits_for,holders}' IS NOT NULL
                THEN ARRAY(SELECT jsonb_array_elements_text(event.data #> '{waits_for,holders}'))
        END
    WHERE event.data ? 'waits_for'
$$;

COMMENT ON FUNCTION sojourn.project_wait IS 'Return the row of sojourn.wait that an event makes, if any.';
