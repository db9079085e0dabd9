-- Return how long stays in some statuses usually last at most: the 99th percentile of those that have ended.
-- It is that of each template with at least `minimum` of them, and that of the lifecycle (of_lifecycle) likewise.
CREATE OR REPLACE FUNCTION sojourn.usual_stays(entity_kinds text[], lifecycles text[], statuses text[], minimum bigint)
RETURNS TABLE (
    entity_kind text, lifecycle text, status text, template text, of_lifecycle boolean, intervals bigint, p99 interval,
    sketched boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
SET jit = off AS $$
    WITH kind AS MATERIALIZED ( -- by number, because sorting by three names takes twice as long
        SELECT row_number() OVER () AS number, k.*
        FROM (
            SELECT DISTINCT u.entity_kind, u.lifecycle, u.status
            FROM unnest(usual_stays.entity_kinds, usual_stays.lifecycles, usual_stays.statuses)
                AS u (entity_kind, lifecycle, status)
        ) AS k
    ),
    stay AS MATERIALIZED (
        SELECT k.number, e.template, e.seconds, sum(e.n)::bigint AS n
        FROM
            sojourn.ended_stays(
                ARRAY(SELECT k.entity_kind FROM kind AS k ORDER BY k.number),
                ARRAY(SELECT k.lifecycle FROM kind AS k ORDER BY k.number),
                ARRAY(SELECT k.status FROM kind AS k ORDER BY k.number)
            ) AS e
            JOIN kind AS k ON k.entity_kind = e.entity_kind AND k.lifecycle = e.lifecycle AND k.status = e.status
        GROUP BY k.number, e.template, e.seconds
    ),
    ranked AS (
        SELECT
            s.number, s.template, false AS of_lifecycle, s.seconds,
            sum(s.n) OVER (PARTITION BY s.number, s.template ORDER BY s.seconds) AS rank,
            sum(s.n) OVER (PARTITION BY s.number, s.template) AS total
        FROM stay AS s
        UNION ALL
        SELECT
            s.number, NULL, true, s.seconds, sum(s.n) OVER (PARTITION BY s.number ORDER BY s.seconds),
            sum(s.n) OVER (PARTITION BY s.number)
        FROM (SELECT t.number, t.seconds, sum(t.n) AS n FROM stay AS t GROUP BY t.number, t.seconds) AS s
    )
    SELECT
        k.entity_kind, k.lifecycle, k.status, q.template, q.of_lifecycle, q.total,
        make_interval(secs => q.below + (q.above - q.below) * q.share),
        sojourn.is_sketched(k.entity_kind, 'template', NULL, false)
    FROM
        (
            SELECT
                r.number, r.template, r.of_lifecycle, r.total::bigint AS total,
                min(r.seconds) FILTER (WHERE r.rank >= p.below) AS below,
                min(r.seconds) FILTER (WHERE r.rank >= p.above) AS above, min(p.share) AS share
            FROM ranked AS r CROSS JOIN LATERAL sojourn.quantile_position(0.99, r.total::bigint) AS p
            WHERE r.total >= usual_stays.minimum
            GROUP BY r.number, r.template, r.of_lifecycle, r.total
        ) AS q
        JOIN kind AS k ON k.number = q.number
$$;

COMMENT ON FUNCTION sojourn.usual_stays IS
    'The 99th percentile of the stays in some statuses that have ended, by template and by lifecycle, where there are '
    'enough of them, now or as of sojourn.as_of.';
