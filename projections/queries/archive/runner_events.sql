-- Return the events of the runners that own tasks of some workflows, or proposed something for them, by position.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data
FROM
    (
        SELECT DISTINCT named.runner_id
        FROM
            sojourn.task AS t
            JOIN sojourn.stored_event AS e ON e.entity_kind = 'task' AND e.entity_id = t.task_id
            CROSS JOIN LATERAL (VALUES (e.owner), (e.runner_id)) AS named (runner_id)
        WHERE t.workflow_id = ANY (%(workflows)s) AND named.runner_id IS NOT NULL
    ) AS s
    JOIN sojourn.logged_event AS e ON e.entity_kind = 'runner' AND e.entity_id = s.runner_id
ORDER BY e.position;
