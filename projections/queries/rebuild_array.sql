WITH latest AS (
    SELECT e.stream, max(e.version) AS version
    FROM sojourn.event AS e
    WHERE e.position <= %(upto)s AND e.stream >= 'array:' AND e.stream < 'array;' AND {touched}
    GROUP BY e.stream
)
INSERT INTO sojourn_rebuild.array (
    array_id, workflow_id, task_template_version_id, name, max_concurrently_running, last_batch, entered_at, version
)
SELECT
    substr(r.stream, 7), r.workflow_id, r.data ->> 'task_template_version_id', r.data ->> 'array_name',
    (e.data ->> 'max_concurrently_running')::integer, (e.data ->> 'batch_number')::integer, e.entered_at, e.version
FROM
    latest
    JOIN sojourn.event AS r ON r.stream = latest.stream AND r.version = 1
    JOIN sojourn.event AS e ON e.stream = latest.stream AND e.version = latest.version;
