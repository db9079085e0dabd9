-- Sum up how many were in each status during some hours, over all templates and of each, as the transitions have it.
-- Ends and starts of one instant are netted, as sojourn.concurrency does it.
CREATE OR REPLACE FUNCTION sojourn.sum_hours(hours timestamptz[])
RETURNS TABLE (
    entity_kind text, status text, by_template boolean, template text, hour timestamptz, net bigint, most bigint,
    entity_seconds numeric, first_at timestamptz, last_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
SET jit = off AS $$
    SELECT
        r.entity_kind, r.status, r.by_template, r.template, r.hour, sum(r.net)::bigint,
        greatest(max(r.running), CASE WHEN min(r.at) > r.hour THEN 0 END)::bigint,
        sum(r.net * extract(epoch FROM r.hour + interval '1 hour' - r.at)), min(r.at), max(r.at)
    FROM (
        SELECT
            n.*, date_trunc('hour', n.at, 'UTC') AS hour,
            sum(n.net) OVER (
                PARTITION BY n.entity_kind, n.status, n.by_template, n.template, date_trunc('hour', n.at, 'UTC')
                ORDER BY n.at
            ) AS running
        FROM (
            SELECT
                c.entity_kind, c.status, grouping(t.template) = 0 AS by_template, t.template, c.at, sum(c.step) AS net
            FROM sojourn.changes_within(sum_hours.hours) AS c INNER JOIN sojourn.task AS t ON t.task_id = c.task_id
            GROUP BY GROUPING SETS ((c.entity_kind, c.status, c.at), (c.entity_kind, c.status, c.at, t.template))
            HAVING sum(c.step) <> 0
        ) AS n
    ) AS r
    GROUP BY r.entity_kind, r.status, r.by_template, r.template, r.hour
$$;

COMMENT ON FUNCTION sojourn.sum_hours IS 'The rows of sojourn.hour_sum for some hours, from the transitions.';
