-- Fill the rebuilt task table with the tasks that have an event up to a position.
WITH latest AS (
    SELECT e.entity_id, max(e.version) AS version
    FROM sojourn.stored_event AS e
    WHERE e.position <= %(max_position)s AND e.entity_kind = 'task' AND {touched}
    GROUP BY e.entity_id
)
INSERT INTO sojourn_rebuild.task
SELECT p.*
FROM
    latest
    JOIN sojourn.stored_event AS first
        ON first.entity_kind = 'task' AND first.entity_id = latest.entity_id AND first.version = 1
    JOIN sojourn.stored_event AS e
        ON e.entity_kind = 'task' AND e.entity_id = latest.entity_id AND e.version = latest.version
    -- Its instances are filled in already. Each task looks its own up, whatever the planner knows of the log.
    CROSS JOIN LATERAL (
        SELECT coalesce(max(i.ordinal), 0) FROM sojourn_rebuild.task_instance AS i WHERE i.task_id = latest.entity_id
    ) AS newest (ordinal)
    CROSS JOIN LATERAL sojourn.project_task(first, e, newest.ordinal) AS p;
