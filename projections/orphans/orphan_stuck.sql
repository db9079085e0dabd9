-- Show entities that have been in a status that ends nothing for longer than is allowed there.
-- Allowed for a status and template is what sojourn.stuck_after says ({"RUNNING": "2h", "align/RUNNING": "30m"}), else
-- sojourn.stuck_factor times the 99th percentile of the intervals of that status and template that have ended, where
-- there are sojourn.stuck_minimum of them, else of that status and lifecycle; never less than sojourn.stuck_floor. Where
-- there are too few of either, nothing is judged.
CREATE OR REPLACE VIEW sojourn.orphan_stuck AS
WITH threshold AS (
    SELECT
        sojourn.orphan_threshold('stuck_after')::jsonb AS given,
        sojourn.orphan_threshold('stuck_factor')::float8 AS factor,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum,
        sojourn.orphan_threshold('stuck_floor')::interval AS least
),
allowed AS MATERIALIZED (
    SELECT
        s.*, h.*,
        coalesce(h.given ->> (s.template || '/' || s.status), h.given ->> s.status)::interval AS given_after
    FROM sojourn.active_entity AS s CROSS JOIN threshold AS h
    WHERE s.entered_at + h.least <= sojourn.as_of_or_now() OR h.given <> '{}'
),
kind AS MATERIALIZED (
    SELECT row_number() OVER () AS number, d.entity_kind, d.lifecycle, d.status
    FROM (SELECT DISTINCT a.entity_kind, a.lifecycle, a.status FROM allowed AS a WHERE a.given_after IS NULL) AS d
),
ended_interval AS (
    SELECT
        t.entity_kind, t.task_id, t.status,
        lead(t.entered_at) OVER (PARTITION BY t.entity_kind, t.entity_id ORDER BY t.version) - t.entered_at AS lasted
    FROM sojourn.transition AS t
    WHERE
        t.entity_kind IN (SELECT k.entity_kind FROM kind AS k)
        AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
),
-- By the number of the kind, because sorting by its three names takes twice as long.
usual AS MATERIALIZED (
    SELECT
        k.number, p.template, grouping(p.template) = 1 AS of_lifecycle, count(*) AS intervals,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY s.lasted) AS p99
    FROM
        ended_interval AS s
        JOIN sojourn.task AS p ON p.task_id = s.task_id
        JOIN kind AS k ON k.entity_kind = s.entity_kind AND k.lifecycle = p.lifecycle AND k.status = s.status
    WHERE s.lasted IS NOT NULL
    GROUP BY GROUPING SETS ((k.number, p.template), (k.number))
    HAVING count(*) >= (SELECT h.minimum FROM threshold AS h)
),
limited AS (
    SELECT
        a.*, coalesce(own.intervals, others.intervals) AS intervals, coalesce(own.p99, others.p99) AS p99,
        own.intervals IS NULL AS of_lifecycle,
        coalesce(a.given_after, greatest(a.factor * coalesce(own.p99, others.p99), a.least)) AS after
    FROM
        allowed AS a
        LEFT JOIN kind AS k ON k.entity_kind = a.entity_kind AND k.lifecycle = a.lifecycle AND k.status = a.status
        LEFT JOIN usual AS own
            -- By equalities, because IS NOT DISTINCT FROM would compare each entity with each template.
            ON own.number = k.number AND NOT own.of_lifecycle
            AND coalesce(own.template, '') = coalesce(a.template, '')
            AND (own.template IS NULL) = (a.template IS NULL)
        LEFT JOIN usual AS others ON others.number = k.number AND others.of_lifecycle
    WHERE a.given_after IS NOT NULL OR others.p99 IS NOT NULL
)
SELECT
    l.entity_kind, l.entity_id, l.task_id, l.workflow_id,
    'stuck' AS rule, false AS decided,
    l.entered_at + l.after AS since,
    ARRAY[entered.position] AS evidence,
    format('%s in another status than %s by %s', n.name, l.status, sojourn.format_utc(l.entered_at + l.after))
        AS expected,
    format('%s has been %s since %s; ', n.name, l.status, sojourn.format_utc(l.entered_at)) || CASE
        WHEN l.given_after IS NOT NULL THEN format('allowed: %s', l.after)
        ELSE format(
            '99 of 100 intervals of %s lasted at most %s (of %s); the limit is %s times that, and at least %s',
            CASE
                WHEN l.of_lifecycle THEN format('lifecycle %s in %s', l.lifecycle, l.status)
                ELSE coalesce('template ' || l.template, 'its kind')
            END,
            date_trunc('milliseconds', l.p99), l.intervals, l.factor, l.least
        )
    END AS explanation,
    l.status
FROM
    limited AS l
    CROSS JOIN LATERAL (
        SELECT CASE l.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || l.entity_id
    ) AS n (name)
    CROSS JOIN LATERAL sojourn.entered_since(l.entity_kind, l.entity_id, ARRAY[l.status]) AS entered
WHERE l.entered_at + l.after < sojourn.as_of_or_now();

COMMENT ON VIEW sojourn.orphan_stuck IS
    'Entities that have been in a status that ends nothing for longer than is allowed.';
