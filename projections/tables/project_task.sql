-- Return the row of sojourn.task after its latest event. Its first event has what never changes.
CREATE OR REPLACE FUNCTION sojourn.project_task(first sojourn.stored_event, latest sojourn.stored_event, instances integer)
RETURNS TABLE (
    task_id text, workflow_id text, lifecycle text, lifecycle_version integer, template text, array_id text,
    max_attempts integer, num_attempts integer, instances integer, status text, entered_at timestamptz,
    version integer, owner text, state jsonb, attributes jsonb, parent_id text
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        latest.entity_id, latest.workflow_id, first.rest ->> 'lifecycle',
        (first.rest ->> 'lifecycle_version')::integer, first.rest ->> 'template', first.rest ->> 'array_id',
        (first.rest ->> 'max_attempts')::integer, latest.num_attempts, project_task.instances, latest.status,
        latest.entered_at, latest.version, latest.owner, nullif(latest.rest -> 'state', 'null'),
        first.rest -> 'attributes', first.rest ->> 'parent'
$$;

COMMENT ON FUNCTION sojourn.project_task IS 'Return the row of sojourn.task after its latest event.';
