-- Return the row of sojourn.array after its latest event. Its first event has what never changes.
CREATE OR REPLACE FUNCTION sojourn.project_array(first sojourn.stored_event, latest sojourn.stored_event) RETURNS TABLE (
    array_id text, workflow_id text, task_template_version_id text, name text, max_concurrently_running integer,
    last_batch integer, entered_at timestamptz, version integer
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        latest.entity_id, latest.workflow_id, first.rest ->> 'task_template_version_id',
        first.rest ->> 'array_name', (latest.rest ->> 'max_concurrently_running')::integer,
        (latest.rest ->> 'batch_number')::integer, latest.entered_at, latest.version
$$;

COMMENT ON FUNCTION sojourn.project_array IS 'Return the row of sojourn.array after its latest event.';
