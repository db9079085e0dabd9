-- Summarise how long the stays lasted that ended within a range of time or were open at its end.
-- Each row of sojourn.stays_within counts for the stays that it stands for. Kaplan-Meier: each end leaves the share of the
-- others that had lasted as long, and an open stay lasts at least that long.
CREATE OR REPLACE FUNCTION sojourn.time_in_status_within(
    entity_kind text, workflow_id text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE (
    status text, n bigint, open bigint, total_seconds float8, mean_seconds float8, p50_seconds float8,
    p90_seconds float8, p99_seconds float8, km_p50_seconds float8, km_p90_seconds float8, error float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH ranked AS MATERIALIZED (
        SELECT
            s.status, s.open, s.seconds, s.n, s.total_seconds, s.error,
            sum(s.n) OVER (PARTITION BY s.status ORDER BY s.seconds, NOT s.open ROWS UNBOUNDED PRECEDING)::bigint AS rank,
            sum(s.n) OVER (PARTITION BY s.status)::bigint AS total,
            sum(s.n) OVER (PARTITION BY s.status ORDER BY s.seconds DESC, s.open DESC ROWS UNBOUNDED PRECEDING)
                AS remaining
        FROM sojourn.stays_within(
            time_in_status_within.entity_kind, time_in_status_within.workflow_id, time_in_status_within.since,
            time_in_status_within.until
        ) AS s
    ),
    curve AS (
        SELECT
            r.*,
            sum(
                CASE
                    WHEN r.open THEN 0
                    WHEN r.remaining = r.n THEN -1000
                    ELSE ln((r.remaining - r.n)::float8 / r.remaining)
                END
            ) OVER (PARTITION BY r.status ORDER BY r.remaining DESC) AS log_share
        FROM ranked AS r
    )
    SELECT
        q.status, q.total, q.open, q.seconds, q.seconds / q.total, p.p50, p.p90, p.p99,
        CASE WHEN q.open > 0 THEN q.km_50 ELSE p.p50 END, CASE WHEN q.open > 0 THEN q.km_90 ELSE p.p90 END, q.error
    FROM (
        SELECT
            c.status, c.total, coalesce(sum(c.n) FILTER (WHERE c.open), 0)::bigint AS open, sum(c.total_seconds) AS seconds,
            min(c.seconds) FILTER (WHERE c.rank >= p50.below) AS below_50,
            min(c.seconds) FILTER (WHERE c.rank >= p50.above) AS above_50, min(p50.share) AS share_50,
            min(c.seconds) FILTER (WHERE c.rank >= p90.below) AS below_90,
            min(c.seconds) FILTER (WHERE c.rank >= p90.above) AS above_90, min(p90.share) AS share_90,
            min(c.seconds) FILTER (WHERE c.rank >= p99.below) AS below_99,
            min(c.seconds) FILTER (WHERE c.rank >= p99.above) AS above_99, min(p99.share) AS share_99,
            min(c.seconds) FILTER (WHERE NOT c.open AND c.log_share <= ln(0.5) + 1e-9) AS km_50,
            min(c.seconds) FILTER (WHERE NOT c.open AND c.log_share <= ln(0.1) + 1e-9) AS km_90, max(c.error) AS error
        FROM
            curve AS c
            CROSS JOIN LATERAL sojourn.quantile_position(0.5, c.total) AS p50
            CROSS JOIN LATERAL sojourn.quantile_position(0.9, c.total) AS p90
            CROSS JOIN LATERAL sojourn.quantile_position(0.99, c.total) AS p99
        GROUP BY c.status, c.total
    ) AS q
    CROSS JOIN LATERAL (
        SELECT
            q.below_50 + (q.above_50 - q.below_50) * q.share_50, q.below_90 + (q.above_90 - q.below_90) * q.share_90,
            q.below_99 + (q.above_99 - q.below_99) * q.share_99
    ) AS p (p50, p90, p99)
    ORDER BY q.seconds DESC, q.status
$$;

COMMENT ON FUNCTION sojourn.time_in_status_within IS
    'How long the stays in each status lasted that ended within a range of time or were open at its end, with quantiles '
    'and those of Kaplan-Meier; error is the share within which they are where sketches were read.';
