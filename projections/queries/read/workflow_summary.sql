-- Return one workflow with its tasks by status.
-- When it began is found in an index, and what a status means is looked up once for all tasks in it. Up to now, the rows of
-- tasks and instances are read themselves, because the views look into the past for each of them.
WITH of_status AS (
    SELECT
        c.status, sum(c.n) AS n, coalesce(sum(c.n) FILTER (WHERE k.failure), 0) AS failed,
        coalesce(sum(c.n) FILTER (WHERE NOT k.terminal), 0) AS active, max(c.last_at) AS last_at
    FROM
        (
            SELECT t.lifecycle, t.lifecycle_version, t.status, count(*) AS n, max(t.entered_at) AS last_at
            FROM sojourn.task AS t
            WHERE (SELECT sojourn.as_of()) IS NULL AND t.workflow_id = %(workflow_id)s
            GROUP BY t.lifecycle, t.lifecycle_version, t.status
            UNION ALL
            SELECT t.lifecycle, t.lifecycle_version, t.status, count(*), max(t.entered_at)
            FROM sojourn.current_task AS t
            WHERE (SELECT sojourn.as_of()) IS NOT NULL AND t.workflow_id = %(workflow_id)s
            GROUP BY t.lifecycle, t.lifecycle_version, t.status
        ) AS c
        JOIN sojourn.lifecycle_status AS k
            ON k.lifecycle = c.lifecycle AND k.lifecycle_version = c.lifecycle_version AND k.entity_kind = 'task'
            AND k.status = c.status
    GROUP BY c.status
)
SELECT
    sum(s.n)::bigint AS tasks, jsonb_object_agg(s.status, s.n) AS by_status, sum(s.failed)::bigint AS failed,
    sum(s.active)::bigint AS active,
    (
        SELECT min(b.entered_at)
        FROM sojourn.transition AS b
        WHERE b.workflow_id = %(workflow_id)s AND b.entity_kind = 'task' AND b.version = 1
    ) AS first_at,
    greatest(
        max(s.last_at),
        (
            SELECT max(i.entered_at)
            FROM sojourn.task_instance AS i
            WHERE (SELECT sojourn.as_of()) IS NULL AND i.workflow_id = %(workflow_id)s
        ),
        (
            SELECT max(i.entered_at)
            FROM sojourn.current_task_instance AS i
            WHERE (SELECT sojourn.as_of()) IS NOT NULL AND i.workflow_id = %(workflow_id)s
        )
    ) AS last_at
FROM of_status AS s
HAVING count(*) > 0;
