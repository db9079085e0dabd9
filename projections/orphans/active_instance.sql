-- Show each task instance that has not ended, with the lifecycle of its task.
-- The row of an instance answers of a past time too, unless the instance moved after that time. Instances in a status that
-- ends work under every lifecycle are left out first, because almost all are.
CREATE OR REPLACE VIEW sojourn.active_instance AS
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.entered_at, i.report_by_date,
    i.distributor_id, t.lifecycle, t.lifecycle_version, t.template, c.active, c.awaits_report, c.awaits_distributor,
    (c.stuck_after ->> i.status)::interval AS stuck_after
FROM
    (
        SELECT
            n.task_instance_id, n.task_id, n.workflow_id, n.ordinal, n.distributor_id,
            CASE WHEN asked.is_before THEN past.status ELSE n.status END AS status,
            CASE WHEN asked.is_before THEN past.entered_at ELSE n.entered_at END AS entered_at,
            CASE
                WHEN asked.is_before THEN past.report_by_date
                WHEN (SELECT sojourn.as_of()) IS NULL THEN n.report_by_date
                ELSE (
                    SELECT s.report_by_date FROM sojourn.transition AS s
                    WHERE
                        s.entity_kind = 'task_instance' AND s.entity_id = n.task_instance_id
                        AND s.entered_at <= (SELECT sojourn.as_of())
                    ORDER BY s.version DESC
                    LIMIT 1
                )
            END AS report_by_date
        FROM
            sojourn.task_instance AS n
            CROSS JOIN LATERAL (SELECT (n.entered_at > (SELECT sojourn.as_of())) IS TRUE) AS asked (is_before)
            LEFT JOIN LATERAL (
                SELECT s.status, s.entered_at, s.report_by_date
                FROM sojourn.transition AS s
                WHERE
                    asked.is_before AND s.entity_kind = 'task_instance' AND s.entity_id = n.task_instance_id
                    AND s.entered_at <= (SELECT sojourn.as_of())
                ORDER BY s.version DESC
                LIMIT 1
            ) AS past ON true
        WHERE
            asked.is_before
            OR (
                n.status IN (
                    SELECT s.status FROM sojourn.lifecycle_status AS s
                    WHERE s.entity_kind = 'task_instance' AND NOT s.terminal
                )
            ) IS TRUE
    ) AS i
    JOIN sojourn.task AS t ON t.task_id = i.task_id
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task_instance'
WHERE i.status = ANY (c.active);

COMMENT ON VIEW sojourn.active_instance IS 'Each task instance that has not ended, now or as of sojourn.as_of.';
