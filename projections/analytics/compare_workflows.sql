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
    WITH interval_of AS (
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
    -- Lengths are collected by group before they are sorted, because sorting by names takes longer.
    collected AS MATERIALIZED (
        SELECT
            i.template, i.status, count(*) FILTER (WHERE NOT i.is_b) AS n_a, count(*) FILTER (WHERE i.is_b) AS n_b,
            count(*) FILTER (WHERE i.open AND NOT i.is_b) AS open_a,
            count(*) FILTER (WHERE i.open AND i.is_b) AS open_b,
            coalesce(sum(i.seconds) FILTER (WHERE NOT i.is_b), 0) AS total_a,
            coalesce(sum(i.seconds) FILTER (WHERE i.is_b), 0) AS total_b,
            array_agg(i.seconds) FILTER (WHERE NOT i.is_b) AS seconds_a,
            array_agg(i.seconds) FILTER (WHERE i.is_b) AS seconds_b,
            array_agg(i.open) FILTER (WHERE NOT i.is_b) AS is_open_a,
            array_agg(i.open) FILTER (WHERE i.is_b) AS is_open_b
        FROM interval_of AS i
        GROUP BY i.template, i.status
    )
    SELECT
        c.template, c.status, c.n_a, c.n_b, c.open_a, c.open_b, a.quantiles[1], b.quantiles[1], a.quantiles[2],
        b.quantiles[2], c.total_a, c.total_b,
        CASE WHEN r.variance > 1e-9 THEN sojourn.chi_squared_p_value(r.surplus * r.surplus / r.variance) END,
        c.total_b - c.total_a, (c.total_b - c.total_a) / nullif(sum(abs(c.total_b - c.total_a)) OVER (), 0)
    FROM
        collected AS c
        CROSS JOIN LATERAL (
            SELECT percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY u.seconds) AS quantiles
            FROM unnest(c.seconds_a) AS u (seconds)
        ) AS a
        CROSS JOIN LATERAL (
            SELECT percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY u.seconds) AS quantiles
            FROM unnest(c.seconds_b) AS u (seconds)
        ) AS b
        CROSS JOIN LATERAL (
            SELECT
                sum(p.ended_a - p.ended * p.at_risk_a / p.at_risk) AS surplus,
                sum(
                    p.ended * (p.at_risk_a / p.at_risk) * (1 - p.at_risk_a / p.at_risk) * (p.at_risk - p.ended)
                    / greatest(p.at_risk - 1, 1)
                ) AS variance
            FROM (
                SELECT
                    d.ended_a, d.ended, (sum(d.gone_a) OVER by_length)::float8 AS at_risk_a,
                    (sum(d.gone) OVER by_length)::float8 AS at_risk
                FROM (
                    SELECT
                        u.seconds, count(*) AS gone, count(*) FILTER (WHERE NOT u.is_b) AS gone_a,
                        count(*) FILTER (WHERE NOT u.open) AS ended,
                        count(*) FILTER (WHERE NOT u.open AND NOT u.is_b) AS ended_a
                    FROM (
                        SELECT false AS is_b, l.seconds, l.open
                        FROM ROWS FROM (unnest(c.seconds_a), unnest(c.is_open_a)) AS l (seconds, open)
                        UNION ALL
                        SELECT true, l.seconds, l.open
                        FROM ROWS FROM (unnest(c.seconds_b), unnest(c.is_open_b)) AS l (seconds, open)
                    ) AS u
                    WHERE c.n_a > 0 AND c.n_b > 0
                    GROUP BY u.seconds
                ) AS d
                WINDOW by_length AS (ORDER BY d.seconds DESC ROWS UNBOUNDED PRECEDING)
            ) AS p
            WHERE p.ended > 0
        ) AS r
    ORDER BY abs(c.total_b - c.total_a) DESC, c.template NULLS FIRST, c.status
$$;

COMMENT ON FUNCTION sojourn.compare_workflows IS
    'How long the tasks or task instances of two workflows, or of one as of two times, stay in each status, by template: '
    'what differs most comes first. An open interval counts up to then. p_value is the log-rank test''s, for which an '
    'open interval has not ended; it is NULL where only one workflow has intervals, or none has ended. difference_share '
    'is the part of all differences. Terminal statuses are left out.';
