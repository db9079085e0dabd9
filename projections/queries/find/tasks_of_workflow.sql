-- Return the ids of a workflow's tasks.
SELECT t.task_id FROM sojourn.task AS t WHERE t.workflow_id = %s ORDER BY t.task_id;
