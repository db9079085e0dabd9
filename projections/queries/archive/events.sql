-- Return every event of some workflows, by workflow and position.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data
FROM
    (
        SELECT 'task' AS entity_kind, t.task_id AS entity_id FROM sojourn.task AS t WHERE t.workflow_id = ANY (%(workflows)s)
        UNION ALL
        SELECT 'task_instance', i.task_instance_id
        FROM sojourn.task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
        WHERE t.workflow_id = ANY (%(workflows)s)
        UNION ALL
        SELECT 'array', a.array_id FROM sojourn.array AS a WHERE a.workflow_id = ANY (%(workflows)s)
    ) AS s
    JOIN sojourn.logged_event AS e ON e.entity_kind = s.entity_kind AND e.entity_id = s.entity_id
ORDER BY e.workflow_id, e.position;
