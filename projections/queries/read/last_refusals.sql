-- Return the status of tasks, and the rule that refused the last report of each, if its last event is a refusal.
SELECT t.task_id, t.status, CASE WHEN e.event_type = 'refused.v1' THEN e.rule END AS rule
FROM
    sojourn.task AS t
    JOIN sojourn.stored_event AS e ON e.entity_kind = 'task' AND e.entity_id = t.task_id AND e.version = t.version
WHERE t.task_id = ANY (%s);
