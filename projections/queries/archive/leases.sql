-- Return the leases of the instances of some workflows, and of the runners that their tasks name.
SELECT l.holder, l.workflow_id, l.begun_at, l.heartbeat_at, l.report_by
FROM
    (
        SELECT 'task_instance:' || i.task_instance_id AS holder
        FROM sojourn.task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
        WHERE t.workflow_id = ANY (%(workflows)s)
        UNION
        SELECT 'runner:' || named.runner_id
        FROM
            sojourn.task AS t
            JOIN sojourn.stored_event AS e ON e.entity_kind = 'task' AND e.entity_id = t.task_id
            CROSS JOIN LATERAL (VALUES (e.owner), (e.runner_id)) AS named (runner_id)
        WHERE t.workflow_id = ANY (%(workflows)s)
    ) AS s
    JOIN sojourn.lease AS l ON l.holder = s.holder
ORDER BY l.workflow_id, l.holder;
