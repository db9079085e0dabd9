-- Return the streams that have events between two positions, and the tasks of new instances.
SELECT DISTINCT e.stream FROM sojourn.event AS e WHERE e.position > %(after)s AND e.position <= %(max_position)s
UNION
SELECT 'task:' || (c.data ->> 'task_id') FROM sojourn.event AS c
WHERE c.position > %(after)s AND c.position <= %(max_position)s AND c.name = 'task_instance.created.v1';
