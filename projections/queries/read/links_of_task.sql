-- Return the parent of a task and the tasks that it waits for, as of the time that is asked about.
SELECT
    t.parent_id,
    ARRAY(
        SELECT d.upstream_id FROM sojourn.dependency AS d
        WHERE d.task_id = t.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
        ORDER BY d.upstream_id
    ) AS upstream_ids
FROM sojourn.task AS t
WHERE t.task_id = %s;
