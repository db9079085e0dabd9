SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.entered_at, i.report_by_date,
    i.distributor_id, i.version, i.array_id, i.batch_number, i.step
FROM sojourn.task_instance AS i;
