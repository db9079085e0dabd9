-- Return an instance and its task.
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.version, i.entered_at, i.report_by_date,
    i.distributor_id, i.array_id, i.batch_number, i.step,
    t.task_id, t.workflow_id, t.lifecycle, t.lifecycle_version, t.max_attempts, t.template, t.array_id, t.status,
    t.num_attempts, t.instances, t.version, t.entered_at, t.owner, t.state, t.attributes,
    t.parent_id
FROM
    sojourn.task_instance AS i
    JOIN sojourn.task AS t ON t.task_id = i.task_id
WHERE i.task_instance_id = %s;
