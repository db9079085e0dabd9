-- Return the instances of a batch in the order of their steps.
SELECT i.task_instance_id, i.task_id, i.step, i.status
FROM sojourn.task_instance AS i
WHERE i.array_id = %(array_id)s AND i.batch_number = %(batch_number)s AND i.step > %(after)s
ORDER BY i.step
LIMIT %(limit)s;
