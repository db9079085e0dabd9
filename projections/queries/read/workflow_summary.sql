-- Return one workflow with its tasks by status.
WITH task AS (
    SELECT t.task_id, t.status, t.entered_at, k.failure, k.terminal
    FROM
        sojourn.current_task AS t
        JOIN sojourn.lifecycle_status AS k
            ON k.lifecycle = t.lifecycle AND k.lifecycle_version = t.lifecycle_version AND k.entity_kind = 'task'
            AND k.status = t.status
    WHERE t.workflow_id = %(workflow_id)s
),
of_status AS (
    SELECT
        t.status, count(*) AS n, count(*) FILTER (WHERE t.failure) AS failed,
        count(*) FILTER (WHERE NOT t.terminal) AS active, max(t.entered_at) AS last_at
    FROM task AS t
    GROUP BY t.status
)
SELECT
    sum(s.n)::bigint AS tasks, jsonb_object_agg(s.status, s.n) AS by_status, sum(s.failed)::bigint AS failed,
    sum(s.active)::bigint AS active,
    (
        SELECT min(b.entered_at)
        FROM
            task AS t
            JOIN sojourn.transition AS b ON b.entity_kind = 'task' AND b.entity_id = t.task_id AND b.version = 1
    ) AS first_at,
    greatest(
        max(s.last_at),
        (
            SELECT max(i.entered_at)
            FROM sojourn.current_task_instance AS i
            WHERE i.workflow_id = %(workflow_id)s
        )
    ) AS last_at
FROM of_status AS s
HAVING count(*) > 0;
