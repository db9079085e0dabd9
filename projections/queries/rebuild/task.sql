-- Fill the rebuilt task table with the tasks that have an event up to a position.
WITH latest AS (
    SELECT e.entity_id, max(e.version) AS version
    FROM sojourn.stored_event AS e
    WHERE e.position <= %(max_position)s AND e.entity_kind = 'task' AND {touched}
    GROUP BY e.entity_id
),
newest AS (
    SELECT c.task_id, max(c.ordinal) AS ordinal
    FROM sojourn.stored_event AS c
    WHERE c.entity_kind = 'task_instance' AND c.event_type = 'created.v1' AND c.position <= %(max_position)s
    GROUP BY c.task_id
)
INSERT INTO sojourn_rebuild.task
SELECT p.*
FROM
    latest
    JOIN sojourn.stored_event AS first
        ON first.entity_kind = 'task' AND first.entity_id = latest.entity_id AND first.version = 1
    JOIN sojourn.stored_event AS e
        ON e.entity_kind = 'task' AND e.entity_id = latest.entity_id AND e.version = latest.version
    LEFT JOIN newest ON newest.task_id = latest.entity_id
    CROSS JOIN LATERAL sojourn.project_task(first, e, coalesce(newest.ordinal, 0)) AS p;
