-- Return the stays of a kind of entity as of the end of a range of time, in statuses that do not end its work: those that
-- ended within the range, and those that were open at its end.
-- Where sojourn.exact_below stays (200000) or more of all workflows have ended on its days, a row is a bucket of the sketches
-- of a day and stands for n stays, and the first day counts whole. What the sketches do not have is read. The seconds of a
-- sketch are shared out among its buckets, so that total_seconds adds up exactly.
CREATE OR REPLACE FUNCTION sojourn.stays_within(
    entity_kind text, workflow_id text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE (status text, open boolean, seconds float8, n bigint, total_seconds float8, error float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
    begins      timestamptz := coalesce(since, '-infinity');
    ends        timestamptz := least(until, sojourn.as_of_or_now());
    at          timestamptz := CASE WHEN until < sojourn.as_of_or_now() THEN until ELSE sojourn.as_of() END;
    first_day   date := (begins AT TIME ZONE 'UTC')::date;
    end_day     date := coalesce((at AT TIME ZONE 'UTC')::date, 'infinity');
    is_sketched boolean := workflow_id IS NULL AND (
        SELECT coalesce(sum(s.n), 0) FROM sojourn.stay_sketch AS s
        WHERE s.entity_kind = stays_within.entity_kind AND s.day >= first_day AND s.day < end_day
    ) >= coalesce(nullif(current_setting('sojourn.exact_below', true), '')::bigint, 200000);
    -- In a log with sketches, indexes find what ended within a range, and what was open at its end.
    is_found    boolean := workflow_id IS NULL AND since IS NOT NULL AND NOT is_sketched AND sojourn.sketched_to() > 0;
BEGIN
    PERFORM sojourn.check_choice('entity_kind', entity_kind, ARRAY['task', 'task_instance']);
    PERFORM sojourn.check_workflow(workflow_id);
    IF ends < begins THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH known AS MATERIALIZED (
            SELECT l.lifecycle, l.lifecycle_version, l.status FROM sojourn.lifecycle_status AS l
            WHERE l.entity_kind = stays_within.entity_kind AND NOT l.terminal
        ),
        stay AS (
            SELECT
                s.lifecycle, s.lifecycle_version, s.status, false AS open, b.seconds, b.n,
                coalesce(s.seconds::float8 * b.n * b.seconds / nullif(sum(b.n * b.seconds) OVER in_sketch, 0), 0)
                    AS total_seconds
            FROM
                sojourn.stay_sketch AS s
                CROSS JOIN LATERAL (
                    SELECT sojourn.sketch_seconds(u.bucket) AS seconds, u.n
                    FROM unnest(s.buckets, s.counts) AS u (bucket, n)
                ) AS b
            WHERE
                is_sketched AND s.entity_kind = stays_within.entity_kind AND s.day >= first_day AND s.day < end_day
            WINDOW in_sketch AS (PARTITION BY s.day, s.lifecycle, s.lifecycle_version, s.template, s.status)
            UNION ALL
            SELECT u.lifecycle, u.lifecycle_version, u.status, u.open, u.seconds, 1, u.seconds
            FROM sojourn.unsketched_stay(
                stays_within.entity_kind, ARRAY(SELECT DISTINCT k.status FROM known AS k), at
            ) AS u
            WHERE
                is_sketched
                AND (u.open OR u.entered_at + u.seconds * interval '1 second' >= date_trunc('day', begins, 'UTC'))
            UNION ALL
            SELECT o.lifecycle, o.lifecycle_version, o.status, true, l.seconds, 1, l.seconds
            FROM
                sojourn.stays_open_at(stays_within.entity_kind, coalesce(at, 'infinity')) AS o
                CROSS JOIN LATERAL (
                    SELECT date_part('epoch', greatest(ends, o.entered_at) - o.entered_at)
                ) AS l (seconds)
            WHERE is_found
            UNION ALL
            SELECT e.lifecycle, e.lifecycle_version, e.status, false, e.seconds::float8, 1, e.seconds::float8
            FROM (
                SELECT w.*
                FROM
                    sojourn.stays_ended_within(
                        begins, coalesce(at, 'infinity'), ARRAY[stays_within.entity_kind],
                        ARRAY(SELECT k.status FROM known AS k)
                    ) AS w
                UNION ALL
                SELECT b.* FROM sojourn.stays_ended_between(sojourn.sketched_to(), 9223372036854775807) AS b
                WHERE b.ended_at >= begins AND b.ended_at <= coalesce(at, 'infinity')
            ) AS e
            WHERE is_found AND e.entity_kind = stays_within.entity_kind
            UNION ALL
            SELECT i.lifecycle, i.lifecycle_version, i.status, l.open, l.seconds, 1, l.seconds
            FROM
                sojourn.status_interval AS i
                CROSS JOIN LATERAL (
                    SELECT
                        coalesce(i.exited_at > ends, true),
                        date_part('epoch', greatest(least(i.exited_at, ends), i.entered_at) - i.entered_at)
                ) AS l (open, seconds)
            WHERE
                NOT (is_sketched OR is_found) AND i.entity_kind = stays_within.entity_kind
                AND (stays_within.workflow_id IS NULL OR i.workflow_id = stays_within.workflow_id)
                AND i.entered_at <= coalesce(at, 'infinity') AND coalesce(i.exited_at >= begins, true)
        )
        SELECT s.status, s.open, s.seconds, s.n, s.total_seconds, CASE WHEN is_sketched THEN 0.01::float8 END
        FROM
            stay AS s
            INNER JOIN known AS k
                ON k.lifecycle = s.lifecycle AND k.lifecycle_version = s.lifecycle_version AND k.status = s.status;
END
$$;

COMMENT ON FUNCTION sojourn.stays_within IS
    'The stays that ended within a range of time or were open at its end, each row for n of them: read one by one, or from '
    'the sketches where 200000 or more have ended on its days; error is then the share within which their seconds are.';
