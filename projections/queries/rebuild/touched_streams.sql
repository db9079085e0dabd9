-- Return the streams that have events between two positions, and the tasks of new instances.
SELECT DISTINCT sojourn.event_stream(e) FROM sojourn.stored_event AS e WHERE e.position > %(after)s AND e.position <= %(max_position)s
UNION
SELECT 'task:' || c.task_id FROM sojourn.stored_event AS c
WHERE c.position > %(after)s AND c.position <= %(max_position)s AND c.entity_kind = 'task_instance'
    AND c.event_type = 'created.v1';
