-- Return the row of sojourn.transition that an event makes, or no row where it enters no status of a task or instance.
CREATE OR REPLACE FUNCTION sojourn.project_transition(event sojourn.event_fields) RETURNS TABLE (
    "position" bigint, entity_kind text, entity_id text, version integer, task_id text, workflow_id text,
    previous_status text, status text, entered_at timestamptz, reported text, rule text, actor text,
    num_attempts integer, report_by_date timestamptz
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        event.position, event.entity_kind, event.entity_id, event.version, coalesce(event.task_id, event.entity_id),
        event.workflow_id, event.previous_status, event.status, event.entered_at, event.reported, event.rule,
        event.actor, event.num_attempts, event.report_by_date
    WHERE event.is_transition AND event.entity_kind IN ('task', 'task_instance')
$$;

COMMENT ON FUNCTION sojourn.project_transition IS 'Return the row of sojourn.transition that an event makes, if any.';
