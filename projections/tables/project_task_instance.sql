-- Return the row of sojourn.task_instance after its latest event. Its first event has what never changes.
CREATE OR REPLACE FUNCTION sojourn.project_task_instance(first sojourn.stored_event, latest sojourn.stored_event)
RETURNS TABLE (
    task_instance_id text, task_id text, workflow_id text, ordinal integer, status text, entered_at timestamptz,
    report_by_date timestamptz, distributor_id text, version integer, array_id text, batch_number integer,
    step integer
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        latest.entity_id, latest.task_id, latest.workflow_id, first.ordinal, latest.status, latest.entered_at,
        latest.report_by_date, latest.distributor_id, latest.version, first.rest ->> 'array_id',
        (first.rest ->> 'batch_number')::integer, (first.rest ->> 'step')::integer
$$;

COMMENT ON FUNCTION sojourn.project_task_instance IS 'Return the row of sojourn.task_instance after its latest event.';
