-- Lock an instance and its task, without waiting.
WITH i AS MATERIALIZED (
    SELECT * FROM sojourn.task_instance WHERE task_instance_id = %s FOR NO KEY UPDATE NOWAIT
),
t AS MATERIALIZED (
    SELECT * FROM sojourn.task WHERE task_id = (SELECT i.task_id FROM i) FOR NO KEY UPDATE NOWAIT
)
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.version, i.entered_at, i.report_by_date,
    i.distributor_id, i.array_id, i.batch_number, i.step,
    t.task_id, t.workflow_id, t.lifecycle, t.lifecycle_version, t.max_attempts, t.template, t.array_id, t.status,
    t.num_attempts, t.instances, t.version, t.entered_at, t.owner, t.state, t.attributes,
    t.parent_id
FROM i CROSS JOIN t;
