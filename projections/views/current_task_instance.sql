-- Show each task instance and its status now, or as of sojourn.as_of.
-- An instance that did not exist by then is absent.
CREATE OR REPLACE VIEW sojourn.current_task_instance AS
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, latest.status, latest.entered_at,
    latest.report_by_date, i.distributor_id, latest.version, i.array_id, i.batch_number, i.step
FROM
    sojourn.task_instance AS i
    CROSS JOIN LATERAL (
        SELECT i.status, i.entered_at, i.report_by_date, i.version
        WHERE (SELECT sojourn.as_of()) IS NULL
        UNION ALL
        (
            SELECT s.status, s.entered_at, s.report_by_date, s.version
            FROM sojourn.transition AS s
            WHERE
                (SELECT sojourn.as_of()) IS NOT NULL
                AND s.entity_kind = 'task_instance' AND s.entity_id = i.task_instance_id
                AND s.entered_at <= (SELECT sojourn.as_of())
            ORDER BY s.version DESC
            LIMIT 1
        )
    ) AS latest;

COMMENT ON VIEW sojourn.current_task_instance IS 'Each task instance and its status now, or as of sojourn.as_of.';
