-- Return the status of tasks, and the rule that refused the last report of each, if its last event is a refusal.
SELECT t.task_id, t.status, CASE WHEN e.name = 'task.refused.v1' THEN e.data ->> 'rule' END AS rule
FROM
    sojourn.task AS t
    JOIN sojourn.event AS e ON e.stream = 'task:' || t.task_id AND e.version = t.version
WHERE t.task_id = ANY (%s);
