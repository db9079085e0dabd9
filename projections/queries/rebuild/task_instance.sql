-- Fill the rebuilt task instance table with the instances that have an event up to a position.
WITH latest AS (
    SELECT e.stream, max(e.version) AS version
    FROM sojourn.event AS e
    WHERE
        e.position <= %(max_position)s AND e.stream >= 'task_instance:' AND e.stream < 'task_instance;' AND {touched}
    GROUP BY e.stream
)
INSERT INTO sojourn_rebuild.task_instance
SELECT p.*
FROM
    latest
    JOIN sojourn.event AS first ON first.stream = latest.stream AND first.version = 1
    JOIN sojourn.event AS e ON e.stream = latest.stream AND e.version = latest.version
    CROSS JOIN LATERAL sojourn.event_fields(e) AS f
    CROSS JOIN LATERAL sojourn.project_task_instance(first, f) AS p;
