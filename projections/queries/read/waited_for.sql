-- Return those of some tasks that another task waits for.
SELECT s.task_id
FROM unnest(%s::text []) AS s (task_id)
WHERE EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.upstream_id = s.task_id COLLATE "C");
