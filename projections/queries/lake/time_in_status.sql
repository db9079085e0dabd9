-- Summarise how long entities stay in each status that is not terminal, with Kaplan-Meier's quantiles.
-- Where no interval is open, the quantiles are the plain ones, and nothing is sorted.
-- The curve falls evenly from one open interval to the next, as sojourn.time_in_status explains.
WITH stay AS (
    SELECT
        i.status,
        CASE $by
            WHEN 'workflow' THEN i.workflow_id WHEN 'template' THEN i.template WHEN 'actor' THEN i.actor
        END AS label,
        i.seconds, i.exited_at IS NULL AS is_open
    FROM status_interval AS i
    WHERE i.entity_kind = $kind AND NOT i.terminal AND ($workflow_id IS NULL OR i.workflow_id = $workflow_id)
),
plain AS (
    SELECT
        s.status, s.label, count(*) AS n, count(CASE WHEN s.is_open THEN 1 END) AS open,
        sum(s.seconds) AS total_seconds, avg(s.seconds) AS mean_seconds,
        percentile(s.seconds, 0.5) AS p50_seconds, percentile(s.seconds, 0.9) AS p90_seconds,
        percentile(s.seconds, 0.99) AS p99_seconds
    FROM stay AS s
    GROUP BY s.status, s.label
),
placed AS (
    SELECT
        s.status, s.label, s.seconds, s.is_open, p.n,
        row_number() OVER (PARTITION BY s.status, s.label ORDER BY s.seconds, s.is_open) AS place
    FROM stay AS s JOIN plain AS p ON p.status = s.status AND p.label IS NOT DISTINCT FROM s.label
    WHERE p.open > 0
),
step AS (
    SELECT p.status, p.label, p.n, p.place AS rank FROM placed AS p WHERE p.is_open
    UNION ALL
    SELECT p.status, p.label, p.n, 0 FROM placed AS p WHERE p.place = 1
),
curve AS (
    SELECT
        s.status, s.label, s.n, s.rank,
        lead(s.rank, 1, s.n + 1) OVER (PARTITION BY s.status, s.label ORDER BY s.rank) AS next_rank,
        exp(sum(
            CASE
                WHEN s.rank BETWEEN 1 AND s.n - 1
                    THEN ln(CAST(s.n - s.rank + 1 AS double) / CAST(s.n - s.rank AS double))
                ELSE CAST(0 AS double)
            END
        ) OVER (PARTITION BY s.status, s.label ORDER BY s.rank)) AS factor
    FROM step AS s
),
reached AS (
    SELECT
        c.status, c.label, c.next_rank,
        greatest(c.rank + 1, CAST(ceil(c.n * (1 - (0.5 + 1e-9) / c.factor)) AS bigint)) AS p50,
        greatest(c.rank + 1, CAST(ceil(c.n * (1 - (0.1 + 1e-9) / c.factor)) AS bigint)) AS p90
    FROM curve AS c
),
median AS (
    SELECT
        r.status, r.label,
        min(CASE WHEN r.p50 < r.next_rank THEN r.p50 END) AS p50,
        min(CASE WHEN r.p90 < r.next_rank THEN r.p90 END) AS p90
    FROM reached AS r
    GROUP BY r.status, r.label
)
SELECT
    g.status, g.label, g.n, g.open, g.total_seconds, g.mean_seconds, g.p50_seconds, g.p90_seconds, g.p99_seconds,
    CASE WHEN g.open > 0 THEN a.seconds ELSE g.p50_seconds END AS km_p50_seconds,
    CASE WHEN g.open > 0 THEN b.seconds ELSE g.p90_seconds END AS km_p90_seconds
FROM
    plain AS g
    LEFT JOIN median AS m ON m.status = g.status AND m.label IS NOT DISTINCT FROM g.label
    LEFT JOIN placed AS a ON a.status = g.status AND a.label IS NOT DISTINCT FROM g.label AND a.place = m.p50
    LEFT JOIN placed AS b ON b.status = g.status AND b.label IS NOT DISTINCT FROM g.label AND b.place = m.p90
ORDER BY g.label NULLS FIRST, g.total_seconds DESC, g.status
