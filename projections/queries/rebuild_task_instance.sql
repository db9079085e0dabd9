WITH latest AS (
    SELECT e.stream, max(e.version) AS version
    FROM sojourn.event AS e
    WHERE e.position <= %(upto)s AND e.stream >= 'task_instance:' AND e.stream < 'task_instance;' AND {touched}
    GROUP BY e.stream
)
INSERT INTO sojourn_rebuild.task_instance (
    task_instance_id, task_id, workflow_id, ordinal, status, entered_at, report_by_date, distributor_id, version,
    array_id, batch_number, step
)
SELECT
    substr(r.stream, 15), d.task_id, r.workflow_id, (r.data ->> 'ordinal')::integer, d.status, e.entered_at,
    d.report_by_date, d.distributor_id, e.version, r.data ->> 'array_id', (r.data ->> 'batch_number')::integer,
    (r.data ->> 'step')::integer
FROM
    latest
    JOIN sojourn.event AS r ON r.stream = latest.stream AND r.version = 1
    JOIN sojourn.event AS e ON e.stream = latest.stream AND e.version = latest.version
    CROSS JOIN LATERAL sojourn.decode(e.data) AS d;
