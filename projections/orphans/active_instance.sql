-- Show each task instance that has not ended, with the lifecycle of its task.
CREATE OR REPLACE VIEW sojourn.active_instance AS
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.entered_at, i.report_by_date,
    i.distributor_id, t.lifecycle, t.lifecycle_version, t.template, c.active, c.awaits_report, c.awaits_distributor
FROM
    sojourn.current_task_instance AS i
    JOIN sojourn.task AS t ON t.task_id = i.task_id
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task_instance'
WHERE i.status = ANY (c.active);

COMMENT ON VIEW sojourn.active_instance IS 'Each task instance that has not ended, now or as of sojourn.as_of.';
