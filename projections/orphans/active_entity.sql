-- Show each task and task instance that has not ended, with the lifecycle and template of its task.
CREATE OR REPLACE VIEW sojourn.active_entity AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id, i.status,
    i.entered_at, i.lifecycle, i.template
FROM sojourn.active_instance AS i
UNION ALL
SELECT 'task', t.task_id, t.task_id, t.workflow_id, t.status, t.entered_at, t.lifecycle, t.template
FROM
    sojourn.current_task AS t
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
WHERE t.status = ANY (c.active);

COMMENT ON VIEW sojourn.active_entity IS
    'Each task and task instance that has not ended, now or as of sojourn.as_of.';
