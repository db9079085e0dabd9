-- Count how often an entity went from a status to another, and for how long it had stayed, in the order of the first times.
SELECT
    s.source, s.target, count(*)::integer AS n,
    coalesce(sum(date_part('epoch', s.entered_at - s.since)), 0) AS seconds
FROM (
    SELECT
        m.previous_status AS source, m.status AS target, m.entered_at, m.version,
        lag(m.entered_at) OVER (ORDER BY m.version) AS since
    FROM sojourn.transition AS m
    WHERE
        m.entity_kind = %(kind)s AND m.entity_id = %(id)s
        AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
) AS s
GROUP BY s.source, s.target
ORDER BY min(s.version);
