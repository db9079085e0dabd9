-- Show each task and task instance that has not ended, with the lifecycle and template of its task.
-- stuck_after: how long it may stay in its status by its lifecycle.
CREATE OR REPLACE VIEW sojourn.active_entity AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id, i.status,
    i.entered_at, i.lifecycle, i.template, i.stuck_after
FROM sojourn.active_instance AS i
UNION ALL
SELECT
    'task', t.task_id, t.task_id, t.workflow_id, t.status, t.entered_at, t.lifecycle, t.template, t.stuck_after
FROM sojourn.active_task AS t;

COMMENT ON VIEW sojourn.active_entity IS
    'Each task and task instance that has not ended, now or as of sojourn.as_of.';
