-- Summarise how long entities stay in each status, from the sketches of what has ended and from what they do not have.
-- Each bucket stands for as many stays as it counts, and each other stay for itself. Ranks and Kaplan-Meier are as in
-- sojourn.time_in_status: open intervals are visited one by one, and a rank is found among the running sums.
CREATE OR REPLACE FUNCTION sojourn.estimate_time_in_status(
    entity_kind text DEFAULT 'task', by text DEFAULT NULL, terminal boolean DEFAULT false
)
RETURNS TABLE (
    status text, "group" text, n bigint, open bigint, total_seconds float8, mean_seconds float8,
    p50_seconds float8, p90_seconds float8, p99_seconds float8, km_p50_seconds float8, km_p90_seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH known AS MATERIALIZED (
        SELECT l.lifecycle, l.lifecycle_version, l.status, l.terminal
        FROM sojourn.lifecycle_status AS l
        WHERE
            l.entity_kind = estimate_time_in_status.entity_kind
            AND (estimate_time_in_status.terminal OR NOT l.terminal)
            AND sojourn.check_choice(
                'entity_kind', estimate_time_in_status.entity_kind, ARRAY['task', 'task_instance']
            )
            AND sojourn.check_choice('by', estimate_time_in_status.by, ARRAY[NULL, 'template'])
    ),
    sketched AS MATERIALIZED (
        SELECT
            s.status, CASE WHEN estimate_time_in_status.by = 'template' THEN s.template END AS "group", s.n, s.seconds,
            s.buckets, s.counts
        FROM
            sojourn.stay_sketch AS s
            INNER JOIN known AS k
                ON k.lifecycle = s.lifecycle AND k.lifecycle_version = s.lifecycle_version AND k.status = s.status
        WHERE
            s.entity_kind = estimate_time_in_status.entity_kind
            AND s.day < coalesce((sojourn.as_of() AT TIME ZONE 'UTC')::date, 'infinity')
    ),
    other AS MATERIALIZED (
        SELECT
            u.status, CASE WHEN estimate_time_in_status.by = 'template' THEN u.template END AS "group", u.open, u.seconds,
            -- Up to now, what is in a terminal status stays for no time, because that would grow for ever.
            NOT (k.terminal AND u.open AND (SELECT sojourn.as_of()) IS NULL) AS timed
        FROM
            sojourn.unsketched_stay(
                estimate_time_in_status.entity_kind, ARRAY(SELECT DISTINCT k.status FROM known AS k), sojourn.as_of()
            ) AS u
            INNER JOIN known AS k
                ON k.lifecycle = u.lifecycle AND k.lifecycle_version = u.lifecycle_version AND k.status = u.status
    ),
    total AS MATERIALIZED (
        SELECT
            c.status, c."group", sum(c.n)::bigint AS n, sum(c.open)::bigint AS open, sum(c.timed)::bigint AS timed,
            sum(c.seconds) AS seconds, sum(c.censored) > 0 AS is_censored
        FROM (
            SELECT s.status, s."group", s.n, 0 AS open, s.n AS timed, s.seconds::float8 AS seconds, 0 AS censored
            FROM sketched AS s
            UNION ALL
            SELECT
                o.status, o."group", count(*), count(*) FILTER (WHERE o.open), count(*) FILTER (WHERE o.timed),
                coalesce(sum(o.seconds) FILTER (WHERE o.timed), 0), count(*) FILTER (WHERE o.open AND o.timed)
            FROM other AS o
            GROUP BY 1, 2
        ) AS c
        GROUP BY 1, 2
    ),
    point AS MATERIALIZED (
        SELECT
            p.status, p."group", p.seconds, p.open,
            sum(p.weight) OVER (PARTITION BY p.status, p."group" ORDER BY p.seconds, p.open ROWS UNBOUNDED PRECEDING)::bigint
                AS rank
        FROM (
            SELECT s.status, s."group", sojourn.sketch_seconds(b.bucket) AS seconds, false AS open, sum(b.n) AS weight
            FROM sketched AS s CROSS JOIN LATERAL unnest(s.buckets, s.counts) AS b (bucket, n)
            GROUP BY s.status, s."group", b.bucket
            UNION ALL
            SELECT o.status, o."group", o.seconds, o.open, 1 FROM other AS o WHERE o.timed
        ) AS p
    ),
    left_after AS (
        SELECT
            r.status, r."group", r.timed, r.rank, lead(r.rank, 1, r.timed + 1) OVER by_rank AS next_rank,
            exp(sum(
                CASE
                    WHEN r.rank BETWEEN 1 AND r.timed - 1 THEN ln((r.timed - r.rank + 1)::float8 / (r.timed - r.rank))
                    ELSE 0
                END
            ) OVER by_rank) AS factor
        FROM (
            SELECT t.status, t."group", t.timed, 0::bigint AS rank FROM total AS t
            UNION ALL
            SELECT p.status, p."group", t.timed, p.rank
            FROM
                point AS p
                INNER JOIN total AS t
                    ON t.status = p.status AND coalesce(t."group", '') = coalesce(p."group", '')
                    AND (t."group" IS NULL) = (p."group" IS NULL)
            WHERE p.open
        ) AS r
        WINDOW by_rank AS (PARTITION BY r.status, r."group" ORDER BY r.rank)
    ),
    km AS (
        SELECT
            f.status, f."group", min(f.p50) FILTER (WHERE f.p50 < f.next_rank) AS p50,
            min(f.p90) FILTER (WHERE f.p90 < f.next_rank) AS p90
        FROM (
            SELECT
                c.status, c."group", c.next_rank,
                greatest(c.rank + 1, ceil(c.timed * (1 - (0.5 + 1e-9) / c.factor))::bigint) AS p50,
                greatest(c.rank + 1, ceil(c.timed * (1 - (0.1 + 1e-9) / c.factor))::bigint) AS p90
            FROM left_after AS c
        ) AS f
        GROUP BY 1, 2
    ),
    place AS MATERIALIZED (
        SELECT t.*, km.p50 AS km_p50, km.p90 AS km_p90
        FROM
            total AS t
            INNER JOIN km
                ON km.status = t.status AND coalesce(km."group", '') = coalesce(t."group", '')
                AND (km."group" IS NULL) = (t."group" IS NULL)
    )
    SELECT
        g.status, g."group", g.n, g.open, g.seconds, g.seconds / nullif(g.timed, 0), q.p50, q.p90, q.p99,
        CASE WHEN g.is_censored THEN q.km_p50 ELSE q.p50 END, CASE WHEN g.is_censored THEN q.km_p90 ELSE q.p90 END
    FROM
        place AS g
        CROSS JOIN LATERAL (
            SELECT
                v.below_50 + (v.above_50 - v.below_50) * v.share_50 AS p50,
                v.below_90 + (v.above_90 - v.below_90) * v.share_90 AS p90,
                v.below_99 + (v.above_99 - v.below_99) * v.share_99 AS p99, v.km_p50, v.km_p90
            FROM (
                SELECT
                    min(p.seconds) FILTER (WHERE p.rank >= p50.below) AS below_50,
                    min(p.seconds) FILTER (WHERE p.rank >= p50.above) AS above_50, min(p50.share) AS share_50,
                    min(p.seconds) FILTER (WHERE p.rank >= p90.below) AS below_90,
                    min(p.seconds) FILTER (WHERE p.rank >= p90.above) AS above_90, min(p90.share) AS share_90,
                    min(p.seconds) FILTER (WHERE p.rank >= p99.below) AS below_99,
                    min(p.seconds) FILTER (WHERE p.rank >= p99.above) AS above_99, min(p99.share) AS share_99,
                    min(p.seconds) FILTER (WHERE p.rank >= g.km_p50) AS km_p50,
                    min(p.seconds) FILTER (WHERE p.rank >= g.km_p90) AS km_p90
                FROM
                    point AS p
                    CROSS JOIN LATERAL sojourn.quantile_position(0.5, g.timed) AS p50
                    CROSS JOIN LATERAL sojourn.quantile_position(0.9, g.timed) AS p90
                    CROSS JOIN LATERAL sojourn.quantile_position(0.99, g.timed) AS p99
                WHERE p.status = g.status AND p."group" IS NOT DISTINCT FROM g."group"
            ) AS v
        ) AS q
    ORDER BY g."group" NULLS FIRST, g.seconds DESC, g.status
$$;

COMMENT ON FUNCTION sojourn.estimate_time_in_status IS
    'How long tasks or task instances stay in each status, as sojourn.time_in_status, with quantiles of what has ended '
    'that are within 1 %: from the sketches, and exactly from what came since their checkpoint, from the day of '
    'sojourn.as_of, and from what is open.';
