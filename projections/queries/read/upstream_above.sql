-- Return every task on a way up from given tasks that waits for others, with those.
WITH RECURSIVE above AS (
    SELECT s.task_id COLLATE "C" AS task_id FROM unnest(%s::text []) AS s (task_id)
    UNION
    SELECT d.upstream_id FROM above AS a JOIN sojourn.dependency AS d ON d.task_id = a.task_id
)
SELECT d.task_id, array_agg(d.upstream_id)
FROM above AS a JOIN sojourn.dependency AS d ON d.task_id = a.task_id
GROUP BY d.task_id;
