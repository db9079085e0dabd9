-- Return the streams of a workflow's tasks, task instances and arrays.
SELECT 'task:' || t.task_id FROM sojourn.task AS t WHERE t.workflow_id = %(workflow_id)s
UNION ALL
SELECT 'task_instance:' || i.task_instance_id
FROM sojourn.task_instance AS i
WHERE i.workflow_id = %(workflow_id)s
UNION ALL
SELECT 'array:' || a.array_id FROM sojourn.array AS a WHERE a.workflow_id = %(workflow_id)s;
