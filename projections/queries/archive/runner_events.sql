-- Return the events of the runners that own tasks of some workflows, or proposed something for them, by position.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data::text
FROM
    (
        SELECT DISTINCT 'runner:' || named.runner_id AS stream
        FROM
            sojourn.task AS t
            JOIN sojourn.event AS e ON e.stream = 'task:' || t.task_id
            CROSS JOIN LATERAL (VALUES (e.data ->> 'owner'), (e.data ->> 'runner_id')) AS named (runner_id)
        WHERE t.workflow_id = ANY (%(workflows)s) AND named.runner_id IS NOT NULL
    ) AS s
    JOIN sojourn.event AS e ON e.stream = s.stream
ORDER BY e.position;
