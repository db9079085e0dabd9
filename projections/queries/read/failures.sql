-- Count the attempts that ended in a failure status by why, what, who or where, the most frequent first.
-- An attempt is a task instance, or the task where its lifecycle has no instances. The reason and the actor are of the
-- last transition; the node is the host that last reported that the attempt runs, else the host that reported last.
-- The example is the newest failure.
WITH failing AS MATERIALIZED (
    SELECT s.lifecycle, s.lifecycle_version, s.entity_kind, s.status
    FROM sojourn.lifecycle_status AS s
    WHERE
        s.failure AND s.terminal
        AND (
            s.entity_kind = 'task_instance'
            OR (s.lifecycle, s.lifecycle_version) NOT IN (
                SELECT i.lifecycle, i.lifecycle_version FROM sojourn.lifecycle_status AS i
                WHERE i.entity_kind = 'task_instance'
            )
        )
),
running AS MATERIALIZED (
    SELECT s.lifecycle, s.lifecycle_version, s.entity_kind, s.status FROM sojourn.lifecycle_status AS s WHERE s.running
),
-- Up to now, what is in no failure status is left out before its task is looked up; the views look into the past for each row.
ended AS MATERIALIZED (
    SELECT i.task_instance_id, i.task_id, i.workflow_id, i.status, i.entered_at
    FROM sojourn.task_instance AS i
    WHERE
        (SELECT sojourn.as_of()) IS NULL AND i.status = ANY (ARRAY(SELECT f.status FROM failing AS f))
        AND (%(workflow_id)s::text IS NULL OR i.workflow_id = %(workflow_id)s)
    UNION ALL
    SELECT i.task_instance_id, i.task_id, i.workflow_id, i.status, i.entered_at
    FROM sojourn.current_task_instance AS i
    WHERE
        (SELECT sojourn.as_of()) IS NOT NULL AND i.status = ANY (ARRAY(SELECT f.status FROM failing AS f))
        AND (%(workflow_id)s::text IS NULL OR i.workflow_id = %(workflow_id)s)
),
failed AS (
    SELECT
        'task_instance' AS kind, i.task_instance_id AS id, i.task_id, t.template, i.entered_at AS at, t.lifecycle,
        t.lifecycle_version
    FROM
        ended AS i
        JOIN sojourn.task AS t ON t.task_id = i.task_id AND t.workflow_id = i.workflow_id
        JOIN failing AS f
            ON f.lifecycle = t.lifecycle AND f.lifecycle_version = t.lifecycle_version
            AND f.entity_kind = 'task_instance' AND f.status = i.status
    UNION ALL
    SELECT 'task', t.task_id, t.task_id, t.template, t.entered_at, t.lifecycle, t.lifecycle_version
    FROM
        sojourn.current_task AS t
        JOIN failing AS f
            ON f.lifecycle = t.lifecycle AND f.lifecycle_version = t.lifecycle_version
            AND f.entity_kind = 'task' AND f.status = t.status
    WHERE %(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s
),
chosen AS (
    SELECT
        CASE f.kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || f.id AS entity, f.task_id, f.at,
        CASE %(by)s::text
            WHEN 'template' THEN f.template
            WHEN 'actor' THEN moved.actor
            WHEN 'node' THEN (
                SELECT sojourn.event_host(e)
                FROM
                    sojourn.transition AS m
                    JOIN sojourn.stored_event AS e ON e.position = m.position
                WHERE
                    m.entity_kind = f.kind AND m.entity_id = f.id
                    AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
                    AND sojourn.event_host(e) IS NOT NULL
                ORDER BY
                    (f.lifecycle, f.lifecycle_version, m.entity_kind, m.status) IN (
                        SELECT r.lifecycle, r.lifecycle_version, r.entity_kind, r.status FROM running AS r
                    ) DESC,
                    m.version DESC
                LIMIT 1
            )
            ELSE (SELECT e.reason FROM sojourn.stored_event AS e WHERE e.position = moved.position)
        END AS grouped
    FROM
        failed AS f
        CROSS JOIN LATERAL (
            SELECT m.actor, m.position FROM sojourn.transition AS m
            WHERE
                m.entity_kind = f.kind AND m.entity_id = f.id
                AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
            ORDER BY m.version DESC
            LIMIT 1
        ) AS moved
    WHERE
        (%(since)s::timestamptz IS NULL OR f.at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR f.at < %(until)s)
)
SELECT
    c.grouped AS "group", count(*) AS n, count(DISTINCT c.task_id) AS tasks, min(c.at) AS first_at,
    max(c.at) AS last_at, (array_agg(c.entity ORDER BY c.at DESC, c.entity))[1] AS example
FROM chosen AS c
GROUP BY c.grouped
ORDER BY n DESC, last_at DESC, c.grouped
LIMIT %(limit)s;
