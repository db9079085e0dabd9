-- Compare how long an active entity has been in its status with the intervals of that status that have ended.
-- They are those of its lifecycle, among which those of its template are counted too.
WITH present AS MATERIALIZED (
    SELECT
        a.entity_kind, a.lifecycle, a.template, a.status, sojourn.as_of_or_now() - a.entered_at AS lasts,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum
    FROM sojourn.active_entity AS a
    WHERE a.entity_kind = %(kind)s AND a.entity_id = %(id)s
),
interval AS (
    SELECT
        t.task_id, t.status,
        lead(t.entered_at) OVER (PARTITION BY t.entity_id ORDER BY t.version) - t.entered_at AS lasted
    FROM sojourn.transition AS t
    WHERE
        t.entity_kind = %(kind)s
        -- The entry and the end of each interval: no other transition lies between them.
        AND (t.status = (SELECT p.status FROM present AS p) OR t.previous_status = (SELECT p.status FROM present AS p))
        AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
),
ended AS (
    SELECT
        count(*) AS ended, count(*) FILTER (WHERE i.lasted < p.lasts) AS shorter,
        count(*) FILTER (WHERE k.template = p.template) AS ended_of_template,
        count(*) FILTER (WHERE k.template = p.template AND i.lasted < p.lasts) AS shorter_of_template
    FROM
        present AS p
        JOIN interval AS i ON i.status = p.status AND i.lasted IS NOT NULL
        JOIN sojourn.task AS k ON k.task_id = i.task_id AND k.lifecycle = p.lifecycle
)
SELECT
    p.lifecycle, p.template, p.status, p.lasts, p.minimum, e.ended, e.shorter, e.ended_of_template, e.shorter_of_template
FROM present AS p CROSS JOIN ended AS e;
