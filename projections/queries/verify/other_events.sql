-- Return the events of entities that are neither a task nor an instance, and the creations of instances in an array.
SELECT l.*
FROM sojourn.stored_event AS e INNER JOIN sojourn.logged_event AS l ON l.position = e.position
WHERE
    e.entity_kind NOT IN ('task', 'task_instance')
    OR (e.entity_kind = 'task_instance' AND e.event_type = 'created.v1' AND e.rest ? 'array_id')
ORDER BY l.position;
