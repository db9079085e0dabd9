-- Return which of the workflows have a task.
SELECT w.workflow_id
FROM unnest(%s::text[]) AS w (workflow_id)
WHERE EXISTS (SELECT FROM sojourn.task AS t WHERE t.workflow_id = w.workflow_id);
