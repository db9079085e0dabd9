-- Return the events of entities that are neither a task nor an instance, and the creations of instances in an array.
SELECT l.*
FROM sojourn.event AS e INNER JOIN sojourn.logged_event AS l ON l.position = e.position
WHERE
    NOT (starts_with(e.stream, 'task:') OR starts_with(e.stream, 'task_instance:'))
    OR (e.name = 'task_instance.created.v1' AND e.data ? 'array_id')
ORDER BY l.position;
