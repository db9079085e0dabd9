-- Return which of the task instances are not in an array, and whether each exists.
SELECT w.task_instance_id, i.task_instance_id IS NOT NULL AS known
FROM
    unnest(%(task_instance_ids)s::text[]) WITH ORDINALITY AS w (task_instance_id, asked)
    LEFT JOIN sojourn.task_instance AS i ON i.task_instance_id = w.task_instance_id
WHERE i.array_id IS DISTINCT FROM %(array_id)s
ORDER BY w.asked;
