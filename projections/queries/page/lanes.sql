-- Return some of a workflow's attempts in the order in which they began, each with its statuses and when it entered them.
-- An index has the beginnings in that order, so only the attempts that are asked for are read. The actor is the one that
-- last reported that the attempt runs, or else the one that reported last; it is read only if it is asked for.
WITH lane AS MATERIALIZED (
    SELECT b.entity_id, b.task_id, b.entered_at AS began_at, b.position AS first
    FROM sojourn.transition AS b
    WHERE
        b.workflow_id = %(workflow_id)s AND b.entity_kind = %(kind)s AND b.version = 1
        AND b.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ORDER BY b.entered_at, b.position
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT
    l.entity_id, l.task_id, t.template, s.statuses, s.times, e.actor ->> 'host' AS node,
    e.actor ->> 'component' AS worker
FROM
    lane AS l
    JOIN sojourn.task AS t ON t.task_id = l.task_id
    CROSS JOIN LATERAL (
        SELECT
            array_agg(m.status ORDER BY m.version) AS statuses,
            array_agg(
                round(date_part('epoch', m.entered_at - %(begin)s::timestamptz) * 1000)::bigint ORDER BY m.version
            ) AS times,
            (array_agg(m.position ORDER BY m.status = ANY (%(running)s) DESC, m.version DESC))[1] AS reported
        FROM sojourn.transition AS m
        WHERE
            m.entity_kind = %(kind)s AND m.entity_id = l.entity_id
            AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS s
    LEFT JOIN LATERAL (
        SELECT r.data -> 'actor' AS actor FROM sojourn.event AS r WHERE r.position = s.reported AND %(actors)s
    ) AS e ON true
ORDER BY l.began_at, l.first;
