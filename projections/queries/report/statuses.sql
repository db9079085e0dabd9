-- Return the statuses of a workflow's entities, how many are in each now, and since and until when.
-- They come in the order in which entities usually enter them.
WITH entered AS (
    SELECT a.entity_id, a.task_id, a.version, a.status, a.entered_at, lead(a.version) OVER one IS NULL AS latest
    FROM sojourn.transition AS a
    WHERE
        a.workflow_id = %(workflow_id)s AND a.entity_kind = %(kind)s
        AND a.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    WINDOW one AS (PARTITION BY a.entity_id ORDER BY a.version)
),
counted AS (
    SELECT
        t.lifecycle, t.lifecycle_version, e.status, count(*) FILTER (WHERE e.latest) AS n,
        avg(e.version) AS place, min(e.entered_at) AS first_at, max(e.entered_at) AS last_at
    FROM
        entered AS e
        INNER JOIN sojourn.task AS t ON t.task_id = e.task_id AND t.workflow_id = %(workflow_id)s
    GROUP BY t.lifecycle, t.lifecycle_version, e.status
)
SELECT
    c.status, bool_or(s.terminal) AS terminal, bool_or(s.failure) AS failure, sum(c.n)::integer AS n,
    min(c.first_at) AS first_at, max(c.last_at) AS last_at
FROM
    counted AS c
    INNER JOIN sojourn.lifecycle_status AS s
        ON s.lifecycle = c.lifecycle AND s.lifecycle_version = c.lifecycle_version
        AND s.entity_kind = %(kind)s AND s.status = c.status
GROUP BY c.status
ORDER BY bool_or(s.terminal), min(c.place), c.status;
