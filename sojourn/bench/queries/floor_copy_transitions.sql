-- Copy transitions into the bare table.
COPY floor.transition (
    position, entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, entered_at, reported, rule,
    actor, num_attempts, report_by_date
) FROM STDIN
