-- Return the commands of single reports of some workflows, with the workflow of each.
-- A command about many entities may concern other workflows too, and that of an import tells it what to skip: both stay.
SELECT DISTINCT c.command_id, c.request, c.response::text, c.recorded_at, t.workflow_id
FROM
    (
        SELECT t.workflow_id, 'task' AS entity_kind, t.task_id AS entity_id
        FROM sojourn.task AS t WHERE t.workflow_id = ANY (%(workflows)s)
        UNION ALL
        SELECT t.workflow_id, 'task_instance', i.task_instance_id
        FROM sojourn.task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
        WHERE t.workflow_id = ANY (%(workflows)s)
    ) AS t
    JOIN sojourn.stored_event AS e ON e.entity_kind = t.entity_kind AND e.entity_id = t.entity_id
    JOIN sojourn.command AS c ON c.command_id = e.command_id
WHERE c.response ?| ARRAY['ti_updated', 'response']
ORDER BY 5, 1;
