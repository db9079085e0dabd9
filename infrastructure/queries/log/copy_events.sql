-- Copy events into the log in binary, which is three times as fast as in text.
COPY sojourn.stored_event (
    recorded_at, entered_at, occurred_at, report_by_date, version, num_attempts, ordinal, actor_pid, entity_kind,
    entity_id, workflow_id, status, previous_status, task_id, actor, reported, rule, event_type, cause, actor_host,
    actor_user, reason, owner, runner_id, command_id, distributor_id, rest
)
FROM STDIN (FORMAT BINARY)
