-- Return the row of sojourn.array after its latest event. Its first event has what never changes.
CREATE OR REPLACE FUNCTION sojourn.project_array(first sojourn.event, latest sojourn.event) RETURNS TABLE (
    array_id text, workflow_id text, task_template_version_id text, name text, max_concurrently_running integer,
    last_batch integer, entered_at timestamptz, version integer
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        substr(latest.stream, 7), latest.workflow_id, first.data ->> 'task_template_version_id',
        first.data ->> 'array_name', (latest.data ->> 'max_concurrently_running')::integer,
        (latest.data ->> 'batch_number')::integer, latest.entered_at, latest.version
$$;

COMMENT ON FUNCTION sojourn.project_array IS 'Return the row of sojourn.array after its latest event.';
