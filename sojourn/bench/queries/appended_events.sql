-- Return the events after a position as they are stored, with the kind, id and status of their entity first.
SELECT
    e.entity_kind, e.entity_id, e.status,
    e.entered_at, e.recorded_at, e.occurred_at, e.report_by_date, e.version, e.num_attempts, e.ordinal, e.actor_pid,
    e.entity_kind, e.entity_id, e.workflow_id, e.status, e.previous_status, e.task_id, e.actor, e.reported, e.rule,
    e.event_type, e.cause, e.actor_host, e.actor_user, e.reason, e.owner, e.runner_id, e.command_id, e.distributor_id,
    e.rest::text
FROM sojourn.stored_event AS e
WHERE e.position > %s
ORDER BY e.position;
