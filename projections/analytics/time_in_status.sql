-- Summarise how long entities stay in each status.
-- Kaplan-Meier: an open interval has lasted at least as long as it has by now. After the interval of rank r out of n, n
-- - r are left, and each open one among the first r stands for the number that were left when it was last seen: n / (n
-- - r) is multiplied by (left + 1) / left for each of them. Ends come before open intervals of their length. So the
-- curve falls evenly from one open interval to the next, and only those are visited, not a million ends.
CREATE OR REPLACE FUNCTION sojourn.time_in_status(
    entity_kind text DEFAULT 'task', by text DEFAULT NULL, workflow_id text DEFAULT NULL,
    terminal boolean DEFAULT false
)
RETURNS TABLE (
    status text, "group" text, n bigint, open bigint, total_seconds float8, mean_seconds float8,
    p50_seconds float8, p90_seconds float8, p99_seconds float8, km_p50_seconds float8, km_p90_seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        g.status, g."group", g.n, g.open, g.total_seconds, g.total_seconds / nullif(g.timed, 0),
        plain.p50, plain.p90, plain.p99,
        -- Where no interval is open, nothing is estimated, so both are the same.
        CASE WHEN o.is_censored THEN o.seconds[km.p50] ELSE plain.p50 END,
        CASE WHEN o.is_censored THEN o.seconds[km.p90] ELSE plain.p90 END
    FROM
        (
            SELECT
                s.status,
                CASE
                    WHEN time_in_status.by IN ('reason', 'state-name') THEN s.label
                    ELSE sojourn.group_key(time_in_status.by, s.workflow_id, s.template, s.actor, s.entered_at)
                END AS "group",
                count(*) AS n, count(*) FILTER (WHERE s.open) AS open,
                -- Up to now, what is in a terminal status stays for no time, because that would grow for ever.
                count(*) FILTER (WHERE NOT has_ended.it) AS timed,
                coalesce(sum(s.seconds) FILTER (WHERE NOT has_ended.it), 0) AS total_seconds,
                array_agg(s.seconds) FILTER (WHERE NOT has_ended.it) AS seconds,
                array_agg(s.open) FILTER (WHERE NOT has_ended.it) AS is_open
            FROM
                sojourn.interval_by(time_in_status.by) AS s
                CROSS JOIN LATERAL (
                    SELECT
                        time_in_status.terminal AND s.open AND (SELECT sojourn.as_of()) IS NULL
                        AND (s.lifecycle, s.lifecycle_version, s.status) IN (
                            SELECT l.lifecycle, l.lifecycle_version, l.status
                            FROM sojourn.lifecycle_status AS l
                            WHERE l.entity_kind = time_in_status.entity_kind AND l.terminal
                        ) AS it
                ) AS has_ended
            WHERE
                sojourn.check_choice('entity_kind', time_in_status.entity_kind, ARRAY['task', 'task_instance'])
                AND sojourn.check_choice(
                    'by', time_in_status.by,
                    ARRAY[NULL, 'workflow', 'template', 'actor', 'hour', 'day', 'week', 'reason', 'state-name']
                )
                AND sojourn.check_workflow(time_in_status.workflow_id)
                AND s.entity_kind = time_in_status.entity_kind
                AND (time_in_status.workflow_id IS NULL OR s.workflow_id COLLATE "C" = time_in_status.workflow_id)
                AND (s.lifecycle, s.lifecycle_version, s.status) NOT IN (
                    SELECT l.lifecycle, l.lifecycle_version, l.status
                    FROM sojourn.lifecycle_status AS l
                    WHERE l.entity_kind = time_in_status.entity_kind AND l.terminal AND NOT time_in_status.terminal
                )
            GROUP BY 1, 2
        ) AS g
        -- OFFSET 0: sorted once, not once for each figure.
        CROSS JOIN LATERAL (
            SELECT
                array_agg(u.seconds ORDER BY u.seconds, u.open) AS seconds,
                array_agg(u.open ORDER BY u.seconds, u.open) AS is_open,
                bool_or(u.open) AS is_censored
            FROM unnest(g.seconds, g.is_open) AS u (seconds, open)
            OFFSET 0
        ) AS o
        CROSS JOIN LATERAL sojourn.quantile_position(0.5, g.timed) AS p50
        CROSS JOIN LATERAL sojourn.quantile_position(0.9, g.timed) AS p90
        CROSS JOIN LATERAL sojourn.quantile_position(0.99, g.timed) AS p99
        CROSS JOIN LATERAL (
            SELECT
                o.seconds[p50.below] + (o.seconds[p50.above] - o.seconds[p50.below]) * p50.share AS p50,
                o.seconds[p90.below] + (o.seconds[p90.above] - o.seconds[p90.below]) * p90.share AS p90,
                o.seconds[p99.below] + (o.seconds[p99.above] - o.seconds[p99.below]) * p99.share AS p99
        ) AS plain
        CROSS JOIN LATERAL (
            SELECT
                min(f.p50) FILTER (WHERE f.p50 < f.next_rank) AS p50,
                min(f.p90) FILTER (WHERE f.p90 < f.next_rank) AS p90
            FROM (
                SELECT
                    c.next_rank,
                    greatest(c.rank + 1, ceil(g.timed * (1 - (0.5 + 1e-9) / c.factor))::bigint) AS p50,
                    greatest(c.rank + 1, ceil(g.timed * (1 - (0.1 + 1e-9) / c.factor))::bigint) AS p90
                FROM (
                    SELECT
                        r.rank, lead(r.rank, 1, g.timed + 1) OVER by_rank AS next_rank,
                        exp(sum(
                            CASE
                                WHEN r.rank BETWEEN 1 AND g.timed - 1 THEN ln((g.timed - r.rank + 1)::float8 / (g.timed - r.rank))
                                ELSE 0
                            END
                        ) OVER by_rank) AS factor
                    FROM (
                        SELECT u.place - 1 AS rank
                        FROM unnest(true || o.is_open) WITH ORDINALITY AS u (open, place)
                        WHERE u.open
                    ) AS r
                    WINDOW by_rank AS (ORDER BY r.rank)
                ) AS c
            ) AS f
        ) AS km
    ORDER BY g."group" NULLS FIRST, g.total_seconds DESC, g.status
$$;

COMMENT ON FUNCTION sojourn.time_in_status IS
    'How long tasks or task instances stay in each status, in seconds. An open interval counts up to now, or to '
    'sojourn.as_of; one in a terminal status has seconds as of a time only. The km quantiles are Kaplan-Meier''s, for which an open interval has lasted at least that long; they are '
    'NULL where too few intervals have ended, and the plain ones where none is open. Grouped by workflow, template, actor, reason, state-name, '
    'hour, day or week, if asked; by reason, an interval is split where it began to wait for something else.';
