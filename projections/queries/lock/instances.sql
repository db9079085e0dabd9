-- Lock instances in the order of their ids.
WITH i AS MATERIALIZED (
    SELECT * FROM sojourn.task_instance
    WHERE task_instance_id = ANY (%s)
    ORDER BY task_instance_id
    FOR NO KEY UPDATE {wait}
)
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.version, i.entered_at, i.report_by_date,
    i.distributor_id, i.array_id, i.batch_number, i.step
FROM i;
