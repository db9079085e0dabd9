-- Return after how long 90 % of the entities that entered a status had left it: by the hour in which they entered it, or, where
-- sojourn.exact_below stays (200000) or more of all workflows ended on the days of a range of time, by the day on which they
-- left it, from the sketches. By hour it is Kaplan-Meier's: each end leaves the share of the others that had lasted as long.
CREATE OR REPLACE FUNCTION sojourn.left_within(
    entity_kind text, workflow_id text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE (at timestamptz, status text, p90_seconds float8, error float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
    begins timestamptz := coalesce(since, '-infinity');
    ends   timestamptz := least(until, sojourn.as_of_or_now());
BEGIN
    PERFORM sojourn.check_choice('entity_kind', entity_kind, ARRAY['task', 'task_instance']);
    PERFORM sojourn.check_workflow(workflow_id);
    IF workflow_id IS NULL AND (
        SELECT coalesce(sum(s.n), 0)
        FROM sojourn.stay_sketch AS s
        WHERE
            s.entity_kind = left_within.entity_kind AND s.day >= (begins AT TIME ZONE 'UTC')::date
            AND s.day <= (ends AT TIME ZONE 'UTC')::date
    ) >= coalesce(nullif(current_setting('sojourn.exact_below', true), '')::bigint, 200000) THEN
        RETURN QUERY
            SELECT e.day, e.status, e.p90_seconds, e.error
            FROM sojourn.ended_by_day(entity_kind, NULL, begins, ends) AS e;
        RETURN;
    END IF;
    RETURN QUERY
        WITH stay AS (
            SELECT s.lifecycle, s.lifecycle_version, s.status, s.entered_at, s.ended_at
            FROM sojourn.stays_begun_within(begins, ends) AS s
            WHERE s.entity_kind = left_within.entity_kind AND left_within.workflow_id IS NULL
            UNION ALL
            SELECT i.lifecycle, i.lifecycle_version, i.status, i.entered_at, i.exited_at
            FROM sojourn.status_interval AS i
            WHERE
                i.entity_kind = left_within.entity_kind AND i.workflow_id = left_within.workflow_id
                AND i.entered_at >= begins AND i.entered_at <= ends
        ),
        ranked AS (
            SELECT
                date_trunc('hour', s.entered_at, 'UTC') AS hour, s.status,
                coalesce(s.ended_at > sojourn.as_of_or_now(), true) AS open, l.seconds,
                row_number() OVER (
                    PARTITION BY date_trunc('hour', s.entered_at, 'UTC'), s.status
                    ORDER BY l.seconds DESC, coalesce(s.ended_at > sojourn.as_of_or_now(), true) DESC
                ) AS remaining
            FROM
                stay AS s
                CROSS JOIN LATERAL (
                    SELECT date_part('epoch', least(s.ended_at, sojourn.as_of_or_now()) - s.entered_at)
                ) AS l (seconds)
            WHERE EXISTS (
                SELECT FROM sojourn.lifecycle_status AS k
                WHERE
                    k.entity_kind = left_within.entity_kind AND k.lifecycle = s.lifecycle
                    AND k.lifecycle_version = s.lifecycle_version AND k.status = s.status AND NOT k.terminal
            )
        )
        SELECT c.hour, c.status, min(c.seconds) FILTER (WHERE NOT c.open AND c.log_share <= ln(0.1) + 1e-9), NULL::float8
        FROM (
            SELECT
                r.*,
                sum(CASE WHEN r.open THEN 0 WHEN r.remaining = 1 THEN -1000 ELSE ln(1 - 1.0 / r.remaining) END)
                    OVER (PARTITION BY r.hour, r.status ORDER BY r.remaining DESC) AS log_share
            FROM ranked AS r
        ) AS c
        GROUP BY c.hour, c.status
        ORDER BY 1, 2;
END
$$;

COMMENT ON FUNCTION sojourn.left_within IS
    'After how long 90 % had left each status: by the hour in which they entered it, with Kaplan-Meier, or by the day on '
    'which they left it, where 200000 or more did on the days of the range.';
