-- Fill the rebuilt task instance table with the instances that have an event up to a position.
WITH latest AS (
    SELECT e.entity_id, max(e.version) AS version
    FROM sojourn.stored_event AS e
    WHERE
        e.position <= %(max_position)s AND e.entity_kind = 'task_instance' AND {touched}
    GROUP BY e.entity_id
)
INSERT INTO sojourn_rebuild.task_instance
SELECT p.*
FROM
    latest
    JOIN sojourn.stored_event AS first
        ON first.entity_kind = 'task_instance' AND first.entity_id = latest.entity_id AND first.version = 1
    JOIN sojourn.stored_event AS e
        ON e.entity_kind = 'task_instance' AND e.entity_id = latest.entity_id AND e.version = latest.version
    CROSS JOIN LATERAL sojourn.project_task_instance(first, e) AS p;
