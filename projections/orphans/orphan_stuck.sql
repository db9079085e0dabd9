-- Show entities that have been in a status that ends nothing for longer than is allowed there.
-- Allowed for a status and template is what sojourn.stuck_after says ({"RUNNING": "2h", "align/RUNNING": "30m"}), else
-- sojourn.stuck_factor times the 99th percentile of the intervals that have ended, where there are
-- sojourn.stuck_minimum of them; never less than sojourn.stuck_floor.
CREATE OR REPLACE VIEW sojourn.orphan_stuck AS
WITH threshold AS (
    SELECT
        sojourn.orphan_threshold('stuck_after')::jsonb AS given,
        sojourn.orphan_threshold('stuck_factor')::float8 AS factor,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum,
        sojourn.orphan_threshold('stuck_floor')::interval AS least
),
standing AS (
    SELECT
        'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id, i.status,
        i.entered_at, i.lifecycle, i.template
    FROM sojourn.active_instance AS i
    UNION ALL
    SELECT 'task', t.task_id, t.task_id, t.workflow_id, t.status, t.entered_at, t.lifecycle, t.template
    FROM
        sojourn.current_task AS t
        JOIN sojourn.lifecycle_class AS c
            ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    WHERE t.status = ANY (c.active)
),
allowed AS MATERIALIZED (
    SELECT
        s.*, h.*,
        coalesce(h.given ->> (s.template || '/' || s.status), h.given ->> s.status)::interval AS given_after
    FROM standing AS s CROSS JOIN threshold AS h
    WHERE s.entered_at + h.least <= sojourn.as_of_or_now() OR h.given <> '{}'
),
kind AS (
    SELECT DISTINCT a.entity_kind, a.lifecycle, a.status FROM allowed AS a WHERE a.given_after IS NULL
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
usual AS (
    SELECT
        s.entity_kind, p.lifecycle, p.template, s.status,
        count(*) AS intervals,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY s.lasted) AS p99
    FROM
        ended_interval AS s
        JOIN sojourn.task AS p ON p.task_id = s.task_id
    WHERE
        s.lasted IS NOT NULL
        AND (s.entity_kind, p.lifecycle, s.status) IN (SELECT k.entity_kind, k.lifecycle, k.status FROM kind AS k)
    GROUP BY s.entity_kind, p.lifecycle, p.template, s.status
),
limited AS (
    SELECT
        a.*, u.intervals, u.p99,
        coalesce(a.given_after, CASE WHEN u.p99 IS NOT NULL THEN greatest(a.factor * u.p99, a.least) END) AS after
    FROM
        allowed AS a
        LEFT JOIN usual AS u
            ON u.entity_kind = a.entity_kind AND u.lifecycle = a.lifecycle AND u.status = a.status
            AND u.template IS NOT DISTINCT FROM a.template AND u.intervals >= a.minimum
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
            coalesce('template ' || l.template, 'its kind'), date_trunc('milliseconds', l.p99), l.intervals, l.factor,
            l.least
        )
    END AS explanation
FROM
    limited AS l
    CROSS JOIN LATERAL (
        SELECT CASE l.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || l.entity_id
    ) AS n (name)
    CROSS JOIN LATERAL sojourn.entered_since(l.entity_kind, l.entity_id, ARRAY[l.status]) AS entered
WHERE l.entered_at + l.after < sojourn.as_of_or_now();

COMMENT ON VIEW sojourn.orphan_stuck IS
    'Entities that have been in a status that ends nothing for longer than is allowed.';
