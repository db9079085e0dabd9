-- Summarise by day how long stays had lasted that ended then: exactly, or from the sketches where there are many.
-- Each bucket stands for as many stays as it counts, and each other stay for itself.
CREATE OR REPLACE FUNCTION sojourn.ended_by_day(
    entity_kind text, workflow_id text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE (
    day timestamptz, status text, n bigint, p50_seconds float8, p90_seconds float8, p99_seconds float8, error float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH asked AS MATERIALIZED (
        SELECT
            sojourn.is_sketched(ended_by_day.entity_kind, NULL, ended_by_day.workflow_id, false) AS is_sketched,
            date_trunc('day', ended_by_day.since, 'UTC') AS since
        WHERE
            sojourn.check_choice('entity_kind', ended_by_day.entity_kind, ARRAY['task', 'task_instance'])
            AND sojourn.check_workflow(ended_by_day.workflow_id)
    ),
    stay AS (
        SELECT s.day::timestamp AT TIME ZONE 'UTC' AS day, s.status, sojourn.sketch_seconds(b.bucket) AS seconds, b.n
        FROM
            sojourn.stay_sketch AS s
            CROSS JOIN LATERAL unnest(s.buckets, s.counts) AS b (bucket, n)
        WHERE
            s.entity_kind = ended_by_day.entity_kind AND (SELECT a.is_sketched FROM asked AS a)
            AND s.day < coalesce((sojourn.as_of() AT TIME ZONE 'UTC')::date, 'infinity')
        UNION ALL
        SELECT
            date_trunc('day', e.entered_at + e.seconds * interval '1 second', 'UTC'), e.status, e.seconds, 1
        FROM sojourn.unsketched_stay(
            ended_by_day.entity_kind,
            ARRAY(SELECT DISTINCT l.status FROM sojourn.lifecycle_status AS l), sojourn.as_of()
        ) AS e
        WHERE NOT e.open AND (SELECT a.is_sketched FROM asked AS a)
        UNION ALL
        SELECT date_trunc('day', i.exited_at, 'UTC'), i.status, i.seconds, 1
        FROM sojourn.status_interval AS i
        WHERE
            i.entity_kind = ended_by_day.entity_kind AND i.exited_at IS NOT NULL
            AND (ended_by_day.workflow_id IS NULL OR i.workflow_id = ended_by_day.workflow_id)
            AND NOT (SELECT a.is_sketched FROM asked AS a)
    ),
    ranked AS (
        SELECT
            s.day, s.status, s.seconds, sum(s.n) OVER (PARTITION BY s.day, s.status ORDER BY s.seconds) AS rank,
            sum(s.n) OVER (PARTITION BY s.day, s.status)::bigint AS total
        FROM stay AS s CROSS JOIN asked AS a
        WHERE s.day >= coalesce(a.since, '-infinity') AND s.day <= coalesce(ended_by_day.until, 'infinity')
    )
    SELECT
        q.day, q.status, q.total, q.below_50 + (q.above_50 - q.below_50) * q.share_50,
        q.below_90 + (q.above_90 - q.below_90) * q.share_90, q.below_99 + (q.above_99 - q.below_99) * q.share_99,
        CASE WHEN (SELECT a.is_sketched FROM asked AS a) THEN 0.01::float8 END
    FROM (
        SELECT
            r.day, r.status, r.total,
            min(r.seconds) FILTER (WHERE r.rank >= p50.below) AS below_50,
            min(r.seconds) FILTER (WHERE r.rank >= p50.above) AS above_50, min(p50.share) AS share_50,
            min(r.seconds) FILTER (WHERE r.rank >= p90.below) AS below_90,
            min(r.seconds) FILTER (WHERE r.rank >= p90.above) AS above_90, min(p90.share) AS share_90,
            min(r.seconds) FILTER (WHERE r.rank >= p99.below) AS below_99,
            min(r.seconds) FILTER (WHERE r.rank >= p99.above) AS above_99, min(p99.share) AS share_99
        FROM
            ranked AS r
            CROSS JOIN LATERAL sojourn.quantile_position(0.5, r.total) AS p50
            CROSS JOIN LATERAL sojourn.quantile_position(0.9, r.total) AS p90
            CROSS JOIN LATERAL sojourn.quantile_position(0.99, r.total) AS p99
        GROUP BY r.day, r.status, r.total
    ) AS q
    ORDER BY q.day, q.status
$$;

COMMENT ON FUNCTION sojourn.ended_by_day IS
    'How long the stays in each status had lasted that ended on each day (in UTC), from the day of since to that of '
    'until. Where 200000 or more have ended, it reads the sketches, and error is the share within which quantiles are.';
