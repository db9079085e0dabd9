-- Return tasks that are parts of or wait for others, with those that are exported too.
WITH task AS MATERIALIZED (
    SELECT t.task_id, t.parent_id FROM sojourn.task AS t
    WHERE %(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s
),
upstream AS (
    SELECT d.task_id, array_agg(d.upstream_id ORDER BY d.upstream_id) AS ids
    FROM
        task AS t
        JOIN sojourn.dependency AS d ON d.task_id = t.task_id
        JOIN task AS exported ON exported.task_id = d.upstream_id
    GROUP BY d.task_id
)
SELECT t.task_id, parent.task_id AS parent_id, coalesce(u.ids, '{}') AS upstream_ids
FROM
    task AS t
    LEFT JOIN task AS parent ON parent.task_id = t.parent_id
    LEFT JOIN upstream AS u ON u.task_id = t.task_id
WHERE parent.task_id IS NOT NULL OR u.ids IS NOT NULL;
