-- Return which of the tasks cannot be queued in an array.
-- The workflow is NULL where there is no such task.
SELECT w.task_id, t.workflow_id, t.array_id
FROM
    unnest(%(task_ids)s::text[]) WITH ORDINALITY AS w (task_id, asked)
    LEFT JOIN sojourn.task AS t ON t.task_id = w.task_id
WHERE t.task_id IS NULL OR t.workflow_id <> %(workflow_id)s OR t.array_id <> %(array_id)s
ORDER BY w.asked;
