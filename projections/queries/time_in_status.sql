-- Kaplan-Meier: an interval that is still open has lasted at least so long. After the interval of rank r out of n,
-- n - r are left, and each open one among the first r stands for as many as were left when it was last seen:
-- n / (n - r) is multiplied by (left + 1) / left for each of them. Ends come before open intervals of their length.
WITH stay AS (
    SELECT
        a.new_status AS status, {group} AS "group",
        date_part('epoch', a.duration) AS seconds,
        a.exited_at IS NULL AS open
    FROM
        {audit} AS a
        JOIN sojourn.task AS t ON t.task_id = a.task_id
    WHERE
        (%(workflow_id)s::text IS NULL OR a.workflow_id = %(workflow_id)s)
        AND (t.lifecycle, t.lifecycle_version, a.new_status) NOT IN (
            SELECT s.lifecycle, s.lifecycle_version, s.status
            FROM sojourn.lifecycle_status AS s
            WHERE s.entity_kind = %(kind)s AND s.terminal AND NOT %(terminal)s
        )
),
ranked AS (
    SELECT
        s.*,
        row_number() OVER shortest_first AS rank,
        count(*) OVER (shortest_first ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS n
    FROM stay AS s
    WINDOW shortest_first AS (PARTITION BY s.status, s."group" ORDER BY s.seconds, s.open)
),
curve AS (
    SELECT
        r.*,
        (r.n - r.rank)::float8 / r.n * exp(coalesce(
            sum(ln((r.n - r.rank + 1)::float8 / (r.n - r.rank))) FILTER (WHERE r.open AND r.rank < r.n)
                OVER (PARTITION BY r.status, r."group" ORDER BY r.seconds, r.open ROWS UNBOUNDED PRECEDING),
            0
        )) AS surviving
    FROM ranked AS r
)
SELECT
    c.status, c."group",
    count(*) AS n,
    count(*) FILTER (WHERE c.open) AS open,
    sum(c.seconds) AS total_seconds,
    avg(c.seconds) AS mean_seconds,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY c.seconds) AS p50_seconds,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY c.seconds) AS p90_seconds,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY c.seconds) AS p99_seconds,
    min(c.seconds) FILTER (WHERE NOT c.open AND c.surviving <= 0.5 + 1e-9) AS km_p50_seconds,
    min(c.seconds) FILTER (WHERE NOT c.open AND c.surviving <= 0.1 + 1e-9) AS km_p90_seconds
FROM curve AS c
GROUP BY c.status, c."group"
ORDER BY c."group" NULLS FIRST, total_seconds DESC, c.status;
