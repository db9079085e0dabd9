-- Return the open attempt at a task that is silent, with who reported it last, and since when it and its runner are.
SELECT a.task_instance_id, a.since, a.reporter, r.silent_since
FROM
    sojourn.current_task AS t
    LEFT JOIN LATERAL sojourn.silent_attempt(t.task_id) AS a ON true
    LEFT JOIN sojourn.runner AS r ON r.runner_id = t.owner
WHERE t.task_id = %(task)s;
