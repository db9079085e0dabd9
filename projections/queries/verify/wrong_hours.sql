-- Return the hours whose sums differ from the transitions, without those that later events have changed.
WITH later AS MATERIALIZED (
    SELECT u.hour FROM sojourn.unsummed_hours() AS u
),
expected AS (
    SELECT e.*
    FROM sojourn.sum_hours(
        ARRAY(
            SELECT DISTINCT date_bin('1 hour', t.entered_at, '2000-01-01 00:00Z') FROM sojourn.transition AS t
            WHERE sojourn.summed_to() > 0
        )
    ) AS e
    WHERE e.hour NOT IN (SELECT l.hour FROM later AS l)
),
found AS (
    SELECT s.* FROM sojourn.hour_sum AS s WHERE s.hour NOT IN (SELECT l.hour FROM later AS l)
)
SELECT
    to_char(coalesce(e.hour, f.hour) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24"Z"'),
    coalesce(e.entity_kind, f.entity_kind), coalesce(e.template, f.template), coalesce(e.status, f.status), e.net, f.net
FROM
    expected AS e
    FULL JOIN found AS f
        ON f.hour = e.hour AND f.entity_kind = e.entity_kind AND f.status = e.status AND f.by_template = e.by_template
        AND coalesce(f.template, '') = coalesce(e.template, '') AND (f.template IS NULL) = (e.template IS NULL)
WHERE
    (e.net, e.most, e.entity_seconds, e.first_at, e.last_at)
    IS DISTINCT FROM (f.net, f.most, f.entity_seconds, f.first_at, f.last_at)
ORDER BY 1, 2, 3, 4;
