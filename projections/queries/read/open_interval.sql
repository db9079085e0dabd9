-- Compare how long an active entity has been in its status with the intervals of that status that have ended.
-- They are those of its lifecycle, among which those of its template are counted too. It may be stuck where a limit is
-- stated, or where sojourn.stuck_factor times the 99th percentile, as sojourn.stuck_entities takes it, can be less than it
-- has lasted: as many intervals as lie below the percentile are that short.
WITH present AS MATERIALIZED (
    SELECT
        a.entity_kind, a.lifecycle, a.template, a.status, sojourn.as_of_or_now() - a.entered_at AS lasts,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum,
        sojourn.orphan_threshold('stuck_factor')::float8 AS factor,
        coalesce(h.given ->> (a.template || '/' || a.status), h.given ->> a.status) IS NOT NULL
        OR a.stuck_after IS NOT NULL AS limited
    FROM
        sojourn.active_entity AS a
        CROSS JOIN LATERAL (SELECT sojourn.orphan_threshold('stuck_after')::jsonb) AS h (given)
    WHERE a.entity_kind = %(kind)s AND a.entity_id = %(id)s
),
ended AS (
    SELECT
        coalesce(sum(s.n), 0)::bigint AS ended,
        coalesce(sum(s.n) FILTER (WHERE s.seconds < date_part('epoch', p.lasts)), 0)::bigint AS shorter,
        coalesce(sum(s.n) FILTER (WHERE s.template = p.template), 0)::bigint AS ended_of_template,
        coalesce(
            sum(s.n) FILTER (WHERE s.template = p.template AND s.seconds < date_part('epoch', p.lasts)), 0
        )::bigint AS shorter_of_template,
        coalesce(sum(s.n) FILTER (WHERE short.enough), 0) AS short,
        coalesce(sum(s.n) FILTER (WHERE s.template IS NOT DISTINCT FROM p.template), 0)::bigint AS own,
        coalesce(sum(s.n) FILTER (WHERE s.template IS NOT DISTINCT FROM p.template AND short.enough), 0) AS own_short
    FROM
        present AS p
        CROSS JOIN LATERAL sojourn.ended_stays(ARRAY[p.entity_kind], ARRAY[p.lifecycle], ARRAY[p.status]) AS s
        CROSS JOIN LATERAL ( -- to the microsecond, by which an interval is rounded
            SELECT (s.seconds - 0.000001) * p.factor <= date_part('epoch', p.lasts) + 0.000001
        ) AS short (enough)
)
SELECT
    p.lifecycle, p.template, p.status, p.lasts, p.minimum, e.ended, e.shorter, e.ended_of_template,
    e.shorter_of_template,
    p.limited OR CASE
        WHEN e.own >= p.minimum AND e.own > 0 THEN e.own_short >= own_p99.below
        ELSE e.ended >= p.minimum AND e.ended > 0 AND e.short >= p99.below
    END AS may_be_stuck
FROM
    present AS p
    CROSS JOIN ended AS e
    CROSS JOIN LATERAL sojourn.quantile_position(0.99, e.own) AS own_p99
    CROSS JOIN LATERAL sojourn.quantile_position(0.99, e.ended) AS p99;
