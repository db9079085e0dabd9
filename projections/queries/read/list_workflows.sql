-- Return workflows with their tasks by status in an order, such as the newest first.
-- last_at is when the last of their tasks or instances entered its status. What has ended is no orphan, so a workflow
-- without active entities has none. Others are not counted, because the rule stuck compares with all workflows.
WITH known AS MATERIALIZED (
    SELECT s.* FROM sojourn.lifecycle_status AS s
),
-- Up to now, the rows of tasks and instances are read themselves, because the views look into the past for each of them.
counted AS (
    SELECT t.workflow_id, t.lifecycle, t.lifecycle_version, t.status, count(*) AS n, max(t.entered_at) AS last_at
    FROM sojourn.task AS t
    WHERE (SELECT sojourn.as_of()) IS NULL
    GROUP BY t.workflow_id, t.lifecycle, t.lifecycle_version, t.status
    UNION ALL
    SELECT t.workflow_id, t.lifecycle, t.lifecycle_version, t.status, count(*), max(t.entered_at)
    FROM sojourn.current_task AS t
    WHERE (SELECT sojourn.as_of()) IS NOT NULL
    GROUP BY t.workflow_id, t.lifecycle, t.lifecycle_version, t.status
),
of_status AS (
    SELECT
        c.workflow_id, c.status, sum(c.n) AS n, coalesce(sum(c.n) FILTER (WHERE k.failure), 0) AS failed,
        coalesce(sum(c.n) FILTER (WHERE NOT k.terminal), 0) AS active, max(c.last_at) AS last_at
    FROM
        counted AS c
        JOIN known AS k
            ON k.lifecycle = c.lifecycle AND k.lifecycle_version = c.lifecycle_version AND k.entity_kind = 'task'
            AND k.status = c.status
    GROUP BY c.workflow_id, c.status
),
of_instances AS (
    SELECT i.workflow_id, max(i.entered_at) AS last_at
    FROM sojourn.task_instance AS i
    WHERE (SELECT sojourn.as_of()) IS NULL
    GROUP BY i.workflow_id
    UNION ALL
    SELECT i.workflow_id, max(i.entered_at)
    FROM sojourn.current_task_instance AS i
    WHERE (SELECT sojourn.as_of()) IS NOT NULL
    GROUP BY i.workflow_id
),
summed AS (
    SELECT
        s.workflow_id, sum(s.n)::bigint AS tasks, jsonb_object_agg(s.status, s.n) AS by_status,
        sum(s.failed)::bigint AS failed, sum(s.active)::bigint AS active, max(s.last_at) AS last_at
    FROM of_status AS s
    GROUP BY s.workflow_id
),
chosen AS MATERIALIZED (
    SELECT
        s.workflow_id, s.tasks, s.by_status, s.failed, s.active, greatest(s.last_at, i.last_at) AS last_at,
        {key} AS sorted_by
    FROM
        summed AS s
        LEFT JOIN of_instances AS i ON i.workflow_id = s.workflow_id
    WHERE
        (%(since)s::timestamptz IS NULL OR greatest(s.last_at, i.last_at) >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR greatest(s.last_at, i.last_at) < %(until)s)
        AND (
            %(after_at)s::{type} IS NULL OR {key} {beyond} %(after_at)s::{type}
            OR ({key} = %(after_at)s::{type} AND s.workflow_id > %(after_id)s)
        )
        AND (s.failed > 0 OR NOT %(failed)s)
        AND (%(containing)s::text IS NULL OR strpos(s.workflow_id, %(containing)s) > 0)
        AND (s.active > 0 OR NOT %(active)s)
    ORDER BY {key} {direction}, s.workflow_id
    LIMIT %(limit)s
),
first AS (
    SELECT
        c.workflow_id,
        (
            SELECT min(b.entered_at)
            FROM sojourn.transition AS b
            WHERE b.workflow_id = c.workflow_id AND b.entity_kind = 'task' AND b.version = 1
        ) AS at
    FROM chosen AS c
),
unfinished AS MATERIALIZED (
    SELECT i.workflow_id FROM sojourn.active_instance AS i
    UNION
    SELECT c.workflow_id FROM chosen AS c WHERE c.active > 0
)
SELECT
    c.workflow_id, c.tasks, c.by_status, c.failed, c.active,
    CASE WHEN u.workflow_id IS NULL THEN 0 END AS orphans, f.at AS first_at, c.last_at
FROM
    chosen AS c
    JOIN first AS f ON f.workflow_id = c.workflow_id
    LEFT JOIN unfinished AS u ON u.workflow_id = c.workflow_id
ORDER BY c.sorted_by {direction}, c.workflow_id;
