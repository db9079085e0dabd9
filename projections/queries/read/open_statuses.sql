-- Count what is active in each status, with what has been there longest, and how many intervals of it have ended.
-- An entity is judged by the rule `stuck` if sojourn.stuck_after or its lifecycle has a limit for it, or
-- sojourn.stuck_minimum intervals of its status have ended under its lifecycle. A task that waits for an unfinished or
-- failed one needs no judgement, so it counts as judged.
WITH threshold AS (
    SELECT
        sojourn.orphan_threshold('stuck_after')::jsonb AS given,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum
),
active AS MATERIALIZED (
    SELECT
        a.entity_kind, a.lifecycle, a.status, count(*) AS n, min(a.entered_at) AS since,
        (array_agg(a.entity_id ORDER BY a.entered_at, a.entity_id))[1] AS longest,
        array_agg(a.entity_id) FILTER (
            WHERE
                coalesce(h.given ->> (a.template || '/' || a.status), h.given ->> a.status) IS NULL
                AND a.stuck_after IS NULL
        ) AS without_limit
    FROM sojourn.active_entity AS a CROSS JOIN threshold AS h
    WHERE %(workflow_id)s::text IS NULL OR a.workflow_id = %(workflow_id)s
    GROUP BY a.entity_kind, a.lifecycle, a.status
),
ended AS (
    SELECT t.entity_kind, p.lifecycle, t.previous_status AS status, count(*) AS n
    FROM
        sojourn.transition AS t
        JOIN sojourn.task AS p ON p.task_id = t.task_id
    WHERE
        (t.entity_kind, t.previous_status) IN (SELECT a.entity_kind, a.status FROM active AS a)
        AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    GROUP BY t.entity_kind, p.lifecycle, t.previous_status
)
SELECT
    a.entity_kind AS kind, a.lifecycle, a.status, a.n, sojourn.as_of_or_now() - a.since AS lasts,
    a.longest AS id, coalesce(e.n, 0) AS ended,
    CASE
        WHEN coalesce(e.n, 0) >= h.minimum THEN 0
        ELSE coalesce(cardinality(a.without_limit), 0) - (
            SELECT count(*)
            FROM sojourn.awaiting_tasks(CASE a.entity_kind WHEN 'task' THEN a.without_limit END) AS w
            WHERE w.waits
        )
    END AS not_judged,
    h.minimum
FROM
    active AS a
    CROSS JOIN threshold AS h
    LEFT JOIN ended AS e ON e.entity_kind = a.entity_kind AND e.lifecycle = a.lifecycle AND e.status = a.status
ORDER BY a.n DESC, a.since, a.entity_kind, a.lifecycle, a.status;
