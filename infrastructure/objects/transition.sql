-- Show the transitions: one typed row for each status that a task or a task instance has entered.
-- It reads with the rights of the caller.
CREATE OR REPLACE VIEW sojourn.transition WITH (security_invoker = true) AS
SELECT
    e.position, e.entity_kind, e.entity_id, e.version, coalesce(e.task_id, e.entity_id) AS task_id, e.workflow_id,
    e.previous_status, e.status, e.entered_at, e.reported, e.rule, e.actor, e.num_attempts, e.report_by_date
FROM sojourn.stored_event AS e
WHERE (e.version = 1 OR e.previous_status IS NOT NULL) AND e.entity_kind IN ('task', 'task_instance');

COMMENT ON VIEW sojourn.transition IS 'One row for each status that a task or a task instance has entered.';
