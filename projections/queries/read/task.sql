-- Return a task.
SELECT
    t.task_id, t.workflow_id, t.lifecycle, t.lifecycle_version, t.max_attempts, t.template, t.array_id, t.status,
    t.num_attempts, t.instances, t.version, t.entered_at, t.owner, t.state, t.attributes,
    t.parent_id
FROM sojourn.task AS t
WHERE t.task_id = %s;
