-- Fill the rebuilt task table with the tasks that have an event up to a position.
WITH latest AS (
    SELECT e.stream, max(e.version) AS version
    FROM sojourn.event AS e
    WHERE e.position <= %(max_position)s AND e.stream >= 'task:' AND e.stream < 'task;' AND {touched}
    GROUP BY e.stream
),
newest AS (
    SELECT c.data ->> 'task_id' AS task_id, max((c.data ->> 'ordinal')::integer) AS ordinal
    FROM sojourn.event AS c
    WHERE c.name = 'task_instance.created.v1' AND c.position <= %(max_position)s
    GROUP BY c.data ->> 'task_id'
)
INSERT INTO sojourn_rebuild.task
SELECT p.*
FROM
    latest
    JOIN sojourn.event AS first ON first.stream = latest.stream AND first.version = 1
    JOIN sojourn.event AS e ON e.stream = latest.stream AND e.version = latest.version
    LEFT JOIN newest ON newest.task_id = substr(latest.stream, 6)
    CROSS JOIN LATERAL sojourn.event_fields(e) AS f
    CROSS JOIN LATERAL sojourn.project_task(first, f, coalesce(newest.ordinal, 0)) AS p;
