-- Return the attempts of each lane of the report, in the order in which they began, and how they ended.
SELECT
    a.lane, min(a.place) AS first, count(*) AS attempts, (array_agg(a.entity_id ORDER BY a.place))[1] AS entity_id,
    count(*) FILTER (WHERE a.status = ANY (%(failures)s)) AS failed,
    count(*) FILTER (WHERE a.status = ANY (%(statuses)s)) AS open, min(a.status) AS status
FROM (
    SELECT
        b.entity_id, b.status, b.place, ((b.place - 1) * %(lanes)s / count(*) OVER ())::integer AS lane
    FROM (
        SELECT
            t.entity_id, t.version, row_number() OVER (ORDER BY t.entered_at, t.position) AS place, latest.status
        FROM
            sojourn.transition AS t
            CROSS JOIN LATERAL (
                SELECT s.status
                FROM sojourn.transition AS s
                WHERE
                    s.entity_kind = t.entity_kind AND s.entity_id = t.entity_id
                    AND s.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
                ORDER BY s.version DESC
                LIMIT 1
            ) AS latest
        WHERE
            t.workflow_id = %(workflow_id)s AND t.entity_kind = %(kind)s AND t.version = 1
            AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS b
) AS a
GROUP BY a.lane
ORDER BY a.lane;
