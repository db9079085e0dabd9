-- Return which of the tasks exist.
SELECT t.task_id FROM sojourn.task AS t WHERE t.task_id = ANY (%s);
