-- Return the events of a task and of its instances after a position, in the order of the log.
SELECT
    sojourn.event_stream(e) AS entity, e.previous_status, e.status,
    e.reported, e.rule, sojourn.event_name(e) AS name
FROM sojourn.stored_event AS e
WHERE
    e.position > %(after)s
    AND (e.entity_kind, e.entity_id) IN (
        SELECT 'task', %(task_id)s::text
        UNION ALL
        SELECT 'task_instance', i.task_instance_id FROM sojourn.task_instance AS i WHERE i.task_id = %(task_id)s
    )
ORDER BY e.position;
