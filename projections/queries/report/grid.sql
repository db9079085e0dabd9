-- Sum how long each status lasted in each lane and column of the report, whatever the number of intervals.
-- An interval adds seconds to the columns in which it begins and ends, and fills those between: there, filled counts up
-- by one where they begin and down where they end.
WITH attempt AS (
    SELECT
        a.entity_id,
        ((row_number() OVER (ORDER BY a.entered_at, a.position) - 1) * %(lanes)s / count(*) OVER ())::integer AS lane
    FROM sojourn.transition AS a
    WHERE
        a.workflow_id = %(workflow_id)s AND a.entity_kind = %(kind)s AND a.version = 1
        AND a.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
),
status_interval AS (
    SELECT
        a.entity_id, a.status,
        date_part('epoch', a.entered_at - %(begin)s::timestamptz) / %(width)s AS begins,
        -- An open interval has no exit, so the last column is the least.
        least(date_part('epoch', a.exited_at - %(begin)s::timestamptz) / %(width)s, %(columns)s) AS ends
    FROM (
        SELECT
            t.entity_id, t.status, t.entered_at, lead(t.entered_at) OVER one AS exited_at
        FROM sojourn.transition AS t
        WHERE
            t.workflow_id = %(workflow_id)s AND t.entity_kind = %(kind)s
            AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
        WINDOW one AS (PARTITION BY t.entity_id ORDER BY t.version)
    ) AS a
    WHERE a.status = ANY (%(statuses)s)
),
-- OFFSET 0 computes it once for an interval, not once for each of its parts.
met AS (
    SELECT
        attempt.lane, i.status, i.begins, i.ends,
        least(floor(i.begins), %(columns)s - 1) AS first, least(floor(i.ends), %(columns)s - 1) AS last
    FROM (SELECT s.* FROM status_interval AS s OFFSET 0) AS i INNER JOIN attempt ON attempt.entity_id = i.entity_id
    OFFSET 0
)
SELECT
    met.lane, met.status, part.place, sum(part.columns) * %(width)s AS seconds, sum(part.filled)::integer AS filled
FROM
    met
    CROSS JOIN LATERAL (
        VALUES
            (met.first, least(met.ends, met.first + 1) - met.begins, 0),
            (met.last, CASE WHEN met.last > met.first THEN met.ends - met.last ELSE 0 END, 0),
            (met.first + 1, 0, CASE WHEN met.last > met.first THEN 1 ELSE 0 END),
            (met.last, 0, CASE WHEN met.last > met.first THEN -1 ELSE 0 END)
    ) AS part (place, columns, filled)
GROUP BY met.lane, met.status, part.place
ORDER BY met.lane, met.status, part.place;
