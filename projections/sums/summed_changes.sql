-- Return how many entered or left a status, over all templates or of each, as of the time that is asked about: hour by hour
-- from the sums, and change by change for what they do not have.
-- A row of an hour has the most at any moment and the entity-seconds, both above the number at its beginning. The hour that
-- is asked about has not ended, and neither has one that a clock ahead of the server's has entered.
CREATE OR REPLACE FUNCTION sojourn.summed_changes(entity_kind text, status text, by text)
RETURNS TABLE (
    "group" text, at timestamptz, first_at timestamptz, last_at timestamptz, step integer, of_hour boolean,
    most bigint, entity_seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH summed AS MATERIALIZED (
        SELECT s.*
        FROM sojourn.hour_sum AS s
        WHERE
            s.entity_kind = summed_changes.entity_kind AND s.status = summed_changes.status
            AND s.by_template = (summed_changes.by IS NOT NULL)
            AND s.hour <= coalesce(sojourn.as_of(), 'infinity')
    ),
    to_read AS MATERIALIZED (
        SELECT u.hour FROM sojourn.unsummed_hours() AS u WHERE u.hour <= coalesce(sojourn.as_of(), 'infinity')
        UNION
        SELECT s.hour FROM summed AS s WHERE s.hour >= date_trunc('hour', sojourn.as_of_or_now(), 'UTC')
    )
    SELECT s.template, s.hour, s.first_at, s.last_at, s.net::integer, true, s.most, s.entity_seconds::float8
    FROM summed AS s
    WHERE s.hour NOT IN (SELECT r.hour FROM to_read AS r)
    UNION ALL
    SELECT n.template, n.at, n.at, n.at, n.step, false, 0, 0
    FROM (
        SELECT CASE WHEN summed_changes.by IS NOT NULL THEN t.template END AS template, c.at, sum(c.step)::integer AS step
        FROM
            sojourn.changes_within(ARRAY(SELECT r.hour FROM to_read AS r)) AS c
            INNER JOIN sojourn.task AS t ON t.task_id = c.task_id
        WHERE
            c.entity_kind = summed_changes.entity_kind AND c.status = summed_changes.status
            AND c.at <= coalesce(sojourn.as_of(), 'infinity')
        GROUP BY 1, 2
        HAVING sum(c.step) <> 0
    ) AS n
$$;

COMMENT ON FUNCTION sojourn.summed_changes IS
    'How many entered or left a status, hour by hour from sojourn.hour_sum, and change by change for what it does not have.';
