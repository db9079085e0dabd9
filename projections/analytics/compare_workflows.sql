-- Compare how long the tasks or task instances of two workflows, or of one as of two times, stay in each status.
-- Log-rank: at the end of each interval, the ends of A are compared with its share of those that lasted as long. An open
-- interval has not ended, so that it counts among those that lasted as long, and never as an end.
CREATE OR REPLACE FUNCTION sojourn.compare_workflows(
    workflow_a text, workflow_b text, at_a timestamptz DEFAULT NULL, at_b timestamptz DEFAULT NULL,
    entity_kind text DEFAULT 'task'
)
RETURNS TABLE (
    template text, status text, n_a bigint, n_b bigint, open_a bigint, open_b bigint, p50_a float8, p50_b float8,
    p90_a float8, p90_b float8, total_a float8, total_b float8, p_value float8, difference_seconds float8,
    difference_share float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH interval_of AS MATERIALIZED (
        SELECT s.is_b, s.template, s.status, s.open, s.seconds
        FROM
            (
                SELECT false AS is_b, a.*
                FROM sojourn.workflow_intervals(
                    compare_workflows.workflow_a, compare_workflows.at_a, compare_workflows.entity_kind
                ) AS a
                UNION ALL
                SELECT true, b.*
                FROM sojourn.workflow_intervals(
                    compare_workflows.workflow_b, compare_workflows.at_b, compare_workflows.entity_kind
                ) AS b
            ) AS s
        WHERE (s.lifecycle, s.lifecycle_version, s.status) NOT IN (
            SELECT l.lifecycle, l.lifecycle_version, l.status
            FROM sojourn.lifecycle_status AS l
            WHERE l.entity_kind = compare_workflows.entity_kind AND l.terminal
        )
    ),
    figures AS (
        SELECT
            i.template, i.status, i.is_b, count(*) AS n, count(*) FILTER (WHERE i.open) AS open,
            percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY i.seconds) AS quantiles, sum(i.seconds) AS total
        FROM interval_of AS i
        GROUP BY i.template, i.status, i.is_b
    ),
    log_rank AS (
        SELECT
            r.template, r.status, sum(r.ended_a - r.ended * r.at_risk_a / r.at_risk) AS surplus,
            sum(
                r.ended * (r.at_risk_a / r.at_risk) * (1 - r.at_risk_a / r.at_risk) * (r.at_risk - r.ended)
                / greatest(r.at_risk - 1, 1)
            ) AS variance
        FROM (
            SELECT
                d.template, d.status, d.ended_a, d.ended,
                (sum(d.gone_a) OVER by_length)::float8 AS at_risk_a, (sum(d.gone) OVER by_length)::float8 AS at_risk
            FROM (
                SELECT
                    i.template, i.status, i.seconds,
                    count(*) AS gone, count(*) FILTER (WHERE NOT i.is_b) AS gone_a,
                    count(*) FILTER (WHERE NOT i.open) AS ended,
                    count(*) FILTER (WHERE NOT i.open AND NOT i.is_b) AS ended_a
                FROM interval_of AS i
                GROUP BY i.template, i.status, i.seconds
            ) AS d
            WINDOW by_length AS (
                PARTITION BY d.template, d.status ORDER BY d.seconds DESC ROWS UNBOUNDED PRECEDING
            )
        ) AS r
        WHERE r.ended > 0
        GROUP BY r.template, r.status
    )
    SELECT
        c.template, c.status, c.n_a, c.n_b, c.open_a, c.open_b, c.p50_a, c.p50_b, c.p90_a, c.p90_b, c.total_a, c.total_b,
        CASE
            WHEN c.n_a > 0 AND c.n_b > 0 AND c.variance > 1e-9
                THEN sojourn.chi_squared_p_value(c.surplus * c.surplus / c.variance)
        END,
        c.total_b - c.total_a, (c.total_b - c.total_a) / nullif(sum(abs(c.total_b - c.total_a)) OVER (), 0)
    FROM (
        -- Grouped and not joined, because a template may be NULL.
        SELECT
            p.template, p.status,
            coalesce(max(p.n) FILTER (WHERE NOT p.is_b), 0) AS n_a, coalesce(max(p.n) FILTER (WHERE p.is_b), 0) AS n_b,
            coalesce(max(p.open) FILTER (WHERE NOT p.is_b), 0) AS open_a,
            coalesce(max(p.open) FILTER (WHERE p.is_b), 0) AS open_b,
            max(p.quantiles[1]) FILTER (WHERE NOT p.is_b) AS p50_a, max(p.quantiles[1]) FILTER (WHERE p.is_b) AS p50_b,
            max(p.quantiles[2]) FILTER (WHERE NOT p.is_b) AS p90_a, max(p.quantiles[2]) FILTER (WHERE p.is_b) AS p90_b,
            coalesce(max(p.total) FILTER (WHERE NOT p.is_b), 0) AS total_a,
            coalesce(max(p.total) FILTER (WHERE p.is_b), 0) AS total_b,
            max(p.surplus) AS surplus, max(p.variance) AS variance
        FROM (
            SELECT
                f.template, f.status, f.is_b, f.n, f.open, f.quantiles, f.total,
                NULL::float8 AS surplus, NULL::float8 AS variance
            FROM figures AS f
            UNION ALL
            SELECT l.template, l.status, NULL, NULL, NULL, NULL, NULL, l.surplus, l.variance
            FROM log_rank AS l
        ) AS p
        GROUP BY p.template, p.status
    ) AS c
    ORDER BY abs(c.total_b - c.total_a) DESC, c.template NULLS FIRST, c.status
$$;

COMMENT ON FUNCTION sojourn.compare_workflows IS
    'How long the tasks or task instances of two workflows, or of one as of two times, stay in each status, by template: '
    'what differs most comes first. An open interval counts up to then. p_value is the log-rank test''s, for which an '
    'open interval has not ended; it is NULL where only one workflow has intervals, or none has ended. difference_share '
    'is the part of all differences. Terminal statuses are left out.';
