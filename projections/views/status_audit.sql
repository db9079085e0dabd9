-- The audits of tasks and of their instances in one shape: what analytics are made of.
CREATE OR REPLACE VIEW sojourn.status_audit AS
SELECT
    'task'::text AS entity_kind, a.task_id AS entity_id, a.task_id, a.workflow_id, a.template, a.actor,
    a.previous_status, a.new_status AS status, a.next_status, a.entered_at, a.exited_at,
    a.exited_at IS NULL AS open, date_part('epoch', a.duration) AS seconds, a.version, a.lifecycle,
    a.lifecycle_version
FROM sojourn.task_status_audit AS a
UNION ALL
SELECT
    'task_instance', a.task_instance_id, a.task_id, a.workflow_id, a.template, a.actor,
    a.previous_status, a.new_status, a.next_status, a.entered_at, a.exited_at,
    a.exited_at IS NULL, date_part('epoch', a.duration), a.version, a.lifecycle,
    a.lifecycle_version
FROM sojourn.task_instance_status_audit AS a;

COMMENT ON VIEW sojourn.status_audit IS
    'One row for each status that a task or a task instance was in. An open stay has not ended: its seconds run up to '
    'now, or to sojourn.as_of. Ask for one entity_kind (task, task_instance) at a time.';
