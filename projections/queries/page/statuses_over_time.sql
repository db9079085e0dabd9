-- Count a workflow's entities in each status at the end of each column of time, and the most at any moment.
-- An entry counts 1 in its status and -1 in the one before it. A column without a change has no row: what was there stays.
-- An entity that enters and leaves a status at one instant is in it at no time. Entries of one instant are counted together,
-- because many share it. Changes are counted in parts of columns, and ordered by time only in the parts in which more could
-- have been in a status than at the end of any part.
WITH move AS MATERIALIZED (
    SELECT
        m.status, m.previous_status, m.at, m.n,
        greatest(
            least(floor(date_part('epoch', m.at - %(begin)s::timestamptz) / %(width)s * 8), %(columns)s * 8 - 1), 0
        )::integer AS part
    FROM
        (
            SELECT t.status, t.previous_status, t.entered_at AS at, count(*)::integer AS n
            FROM sojourn.transition AS t
            WHERE
                t.workflow_id = %(workflow_id)s AND t.entity_kind = %(kind)s
                AND greatest(t.entered_at, '-infinity') <= coalesce((SELECT sojourn.as_of()), 'infinity')
            GROUP BY t.status, t.previous_status, t.entered_at
        ) AS m
),
counted AS (
    SELECT
        c.status, f.part, sum(c.entered)::integer AS entered, sum(c.exited)::integer AS exited,
        (sum(sum(c.entered - c.exited)) OVER (PARTITION BY c.status ORDER BY f.part))::integer AS last
    FROM
        (
            SELECT m.status, m.previous_status, m.part, sum(m.n)::integer AS n
            FROM move AS m
            GROUP BY m.status, m.previous_status, m.part
        ) AS f
        CROSS JOIN LATERAL (VALUES (f.status, f.n, 0), (f.previous_status, 0, f.n)) AS c (status, entered, exited)
    WHERE c.status IS NOT NULL
    GROUP BY c.status, f.part
),
bounded AS MATERIALIZED (
    SELECT
        c.status, c.part, c.last, c.last - c.entered + c.exited AS before, c.last + c.exited AS bound,
        max(c.last) OVER (PARTITION BY c.status) AS highest
    FROM counted AS c
),
within AS (
    SELECT n.status, max(n.n)::integer AS most
    FROM (
        SELECT
            c.status,
            min(c.before) + sum(sum(c.change)::integer) OVER (PARTITION BY c.status, c.part ORDER BY c.at) AS n
        FROM (
            SELECT b.status, b.part, b.before, m.at, m.n AS change
            FROM bounded AS b JOIN move AS m ON m.status = b.status AND m.part = b.part
            WHERE b.bound > b.highest
            UNION ALL
            SELECT b.status, b.part, b.before, m.at, -m.n
            FROM bounded AS b JOIN move AS m ON m.previous_status = b.status AND m.part = b.part
            WHERE b.bound > b.highest
        ) AS c
        GROUP BY c.status, c.part, c.at
    ) AS n
    GROUP BY n.status
)
SELECT
    b.status, greatest(b.highest, w.most) AS most, array_agg(b.part / 8 ORDER BY b.part) AS places,
    array_agg(b.last ORDER BY b.part) AS counts
FROM
    (
        SELECT c.*, lead(c.part / 8) OVER (PARTITION BY c.status ORDER BY c.part) IS DISTINCT FROM c.part / 8 AS is_end
        FROM bounded AS c
    ) AS b
    LEFT JOIN within AS w ON w.status = b.status
WHERE b.is_end AND greatest(b.highest, w.most) > 0
GROUP BY b.status, b.highest, w.most
ORDER BY b.status;
