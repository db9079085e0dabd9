WITH latest AS (
    SELECT e.stream, max(e.version) AS version
    FROM sojourn.event AS e
    WHERE e.position <= %(upto)s AND e.stream >= 'task:' AND e.stream < 'task;' AND {touched}
    GROUP BY e.stream
),
newest AS (
    SELECT c.data ->> 'task_id' AS task_id, max((c.data ->> 'ordinal')::integer) AS ordinal
    FROM sojourn.event AS c
    WHERE c.name = 'task_instance.created.v1' AND c.position <= %(upto)s
    GROUP BY c.data ->> 'task_id'
)
INSERT INTO sojourn_rebuild.task (
    task_id, workflow_id, lifecycle, lifecycle_version, template, array_id, max_attempts, num_attempts, instances,
    status, entered_at, version, owner, state, attributes
)
SELECT
    substr(r.stream, 6), r.workflow_id, r.data ->> 'lifecycle', (r.data ->> 'lifecycle_version')::integer,
    r.data ->> 'template', r.data ->> 'array_id', (r.data ->> 'max_attempts')::integer, d.num_attempts,
    coalesce(newest.ordinal, 0), d.status, e.entered_at, e.version, d.owner, d.state, r.data -> 'attributes'
FROM
    latest
    JOIN sojourn.event AS r ON r.stream = latest.stream AND r.version = 1
    JOIN sojourn.event AS e ON e.stream = latest.stream AND e.version = latest.version
    CROSS JOIN LATERAL sojourn.decode(e.data) AS d
    LEFT JOIN newest ON newest.task_id = substr(r.stream, 6);
