-- Compare how long an active entity has been in its status with the intervals of that status that have ended.
-- They are those of its lifecycle, among which those of its template are counted too.
WITH present AS MATERIALIZED (
    SELECT
        a.entity_kind, a.lifecycle, a.template, a.status, sojourn.as_of_or_now() - a.entered_at AS lasts,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum
    FROM sojourn.active_entity AS a
    WHERE a.entity_kind = %(kind)s AND a.entity_id = %(id)s
),
ended AS (
    SELECT
        coalesce(sum(s.n), 0)::bigint AS ended,
        coalesce(sum(s.n) FILTER (WHERE s.seconds < date_part('epoch', p.lasts)), 0)::bigint AS shorter,
        coalesce(sum(s.n) FILTER (WHERE s.template = p.template), 0)::bigint AS ended_of_template,
        coalesce(
            sum(s.n) FILTER (WHERE s.template = p.template AND s.seconds < date_part('epoch', p.lasts)), 0
        )::bigint AS shorter_of_template
    FROM
        present AS p
        CROSS JOIN LATERAL sojourn.ended_stays(ARRAY[p.entity_kind], ARRAY[p.lifecycle], ARRAY[p.status]) AS s
)
SELECT
    p.lifecycle, p.template, p.status, p.lasts, p.minimum, e.ended, e.shorter, e.ended_of_template, e.shorter_of_template
FROM present AS p CROSS JOIN ended AS e;
