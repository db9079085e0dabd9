-- Show the intervals of tasks and of task instances in one shape, which the analytics functions read.
CREATE OR REPLACE VIEW sojourn.status_interval AS
SELECT
    'task'::text AS entity_kind, a.task_id AS entity_id, a.task_id, a.workflow_id, a.template, a.actor,
    a.previous_status, a.new_status AS status, a.next_status, a.entered_at, a.exited_at,
    a.exited_at IS NULL AS open, date_part('epoch', a.duration) AS seconds, a.version, a.lifecycle,
    a.lifecycle_version, a.position, a.reported, a.rule, a.entered_at + a.duration AS ended_at
FROM sojourn.task_status_audit AS a
UNION ALL
SELECT
    'task_instance', a.task_instance_id, a.task_id, a.workflow_id, a.template, a.actor,
    a.previous_status, a.new_status, a.next_status, a.entered_at, a.exited_at,
    a.exited_at IS NULL, date_part('epoch', a.duration), a.version, a.lifecycle,
    a.lifecycle_version, a.position, a.reported, a.rule, a.entered_at + a.duration
FROM sojourn.task_instance_status_audit AS a;

COMMENT ON VIEW sojourn.status_interval IS
    'One row for each status that a task or a task instance was in. An open interval has not ended: its seconds run up '
    'to now, or to sojourn.as_of. Ask for one entity_kind (task, task_instance) at a time.';

-- The name of version 0.1, kept for one version.
CREATE OR REPLACE VIEW sojourn.status_audit AS
SELECT
    i.entity_kind, i.entity_id, i.task_id, i.workflow_id, i.template, i.actor, i.previous_status, i.status,
    i.next_status, i.entered_at, i.exited_at, i.open, i.seconds, i.version, i.lifecycle, i.lifecycle_version
FROM sojourn.status_interval AS i;

COMMENT ON VIEW sojourn.status_audit IS 'The old name of sojourn.status_interval.';
