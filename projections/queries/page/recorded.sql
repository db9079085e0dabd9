-- Return the events of a task and of its instances after a position, in the order of the log.
SELECT
    e.stream AS entity, e.data ->> 'previous_status' AS previous_status, e.data ->> 'status' AS status,
    e.data ->> 'reported' AS reported, e.data ->> 'rule' AS rule, e.name
FROM sojourn.event AS e
WHERE
    e.position > %(after)s
    AND e.stream IN (
        SELECT 'task:' || %(task_id)s::text
        UNION ALL
        SELECT 'task_instance:' || i.task_instance_id FROM sojourn.task_instance AS i WHERE i.task_id = %(task_id)s
    )
ORDER BY e.position;
