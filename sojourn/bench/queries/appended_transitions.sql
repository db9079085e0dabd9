-- Return the transitions after a position.
SELECT
    t.position, t.entity_kind, t.entity_id, t.version, t.task_id, t.workflow_id, t.previous_status, t.status,
    t.entered_at, t.reported, t.rule, t.actor, t.num_attempts, t.report_by_date
FROM sojourn.transition AS t
WHERE t.position > %s
ORDER BY t.position;
