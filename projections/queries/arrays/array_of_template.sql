-- Return the array of a task template version in a workflow.
SELECT a.array_id
FROM sojourn.array AS a
WHERE a.workflow_id = %(workflow_id)s AND a.task_template_version_id = %(task_template_version_id)s;
