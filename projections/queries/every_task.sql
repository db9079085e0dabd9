SELECT
    t.task_id, t.workflow_id, t.lifecycle, t.lifecycle_version, t.template, t.array_id, t.max_attempts,
    t.num_attempts, t.instances, t.status, t.entered_at, t.version, t.owner, t.state, t.attributes
FROM sojourn.task AS t;
