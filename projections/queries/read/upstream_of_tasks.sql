-- Return tasks that wait for others, with those.
SELECT d.task_id, array_agg(d.upstream_id) FROM sojourn.dependency AS d WHERE d.task_id = ANY (%s) GROUP BY d.task_id;
