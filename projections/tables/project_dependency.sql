-- Return the rows of sojourn.dependency that an event makes: one for each task that its task waits for.
CREATE OR REPLACE FUNCTION sojourn.project_dependency(event sojourn.stored_event) RETURNS TABLE (
    "position" bigint, task_id text, upstream_id text, workflow_id text, since timestamptz
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        event.position, event.entity_id, u.upstream_id, event.workflow_id,
        greatest(coalesce(event.occurred_at, event.recorded_at), event.entered_at)
    FROM jsonb_array_elements_text(event.rest -> 'upstream') AS u (upstream_id)
    WHERE event.entity_kind = 'task' AND event.event_type IN ('registered.v1', 'upstream_added.v1')
$$;

COMMENT ON FUNCTION sojourn.project_dependency IS 'Return the rows of sojourn.dependency that an event makes.';
