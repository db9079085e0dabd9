-- Return how long stays in some statuses lasted that have ended: each kind of entity, lifecycle and status of the arrays.
-- Each row stands for `n` stays of a template: for one where all are read, for those of a bucket where sketches have them
-- (sojourn.is_sketched). What sketches do not have, since their checkpoint or on the day of sojourn.as_of, is read.
CREATE OR REPLACE FUNCTION sojourn.ended_stays(entity_kinds text[], lifecycles text[], statuses text[])
RETURNS TABLE (entity_kind text, lifecycle text, status text, template text, seconds float8, n bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
SET jit = off AS $$
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT
            w.entity_kind COLLATE "C" AS entity_kind, w.lifecycle COLLATE "C" AS lifecycle,
            w.status COLLATE "C" AS status
        FROM unnest(ended_stays.entity_kinds, ended_stays.lifecycles, ended_stays.statuses)
            AS w (entity_kind, lifecycle, status)
    ),
    sketched AS MATERIALIZED (
        SELECT k.entity_kind
        FROM (SELECT DISTINCT w.entity_kind FROM wanted AS w) AS k
        WHERE sojourn.is_sketched(k.entity_kind, 'template', NULL, false)
    ),
    exact AS MATERIALIZED (
        SELECT w.entity_kind, w.lifecycle, w.status
        FROM wanted AS w
        WHERE w.entity_kind NOT IN (SELECT s.entity_kind FROM sketched AS s)
    ),
    -- The entry and the end of each stay: no other transition lies between them. Each transition of the log is compared, so
    -- that almost all are left out by their status alone.
    read AS (
        SELECT
            t.entity_kind, t.task_id, t.status,
            lead(t.entered_at) OVER (PARTITION BY t.entity_kind, t.entity_id ORDER BY t.version) - t.entered_at AS lasted
        FROM sojourn.transition AS t
        WHERE
            EXISTS (SELECT FROM exact)
            AND t.entity_kind = ANY (ARRAY(SELECT DISTINCT x.entity_kind FROM exact AS x))
            AND (
                t.status = ANY (ARRAY(SELECT DISTINCT x.status FROM exact AS x))
                OR t.previous_status = ANY (ARRAY(SELECT DISTINCT x.status FROM exact AS x))
            )
            AND (
                (t.entity_kind, t.status) IN (SELECT x.entity_kind, x.status FROM exact AS x)
                OR (t.entity_kind, t.previous_status) IN (SELECT x.entity_kind, x.status FROM exact AS x)
            )
            AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ),
    recent AS (
        SELECT e.entity_kind, e.lifecycle, e.status, e.template, e.ended_at, e.seconds
        FROM sojourn.stays_ended_between(sojourn.sketched_to(), 9223372036854775807) AS e
        WHERE EXISTS (SELECT FROM sketched)
        UNION ALL
        SELECT e.entity_kind, e.lifecycle, e.status, e.template, e.ended_at, e.seconds
        FROM
            sojourn.stays_ended_within(
                date_trunc('day', sojourn.as_of(), 'UTC'), sojourn.as_of(),
                ARRAY(SELECT s.entity_kind FROM sketched AS s), ended_stays.statuses
            ) AS e
        WHERE EXISTS (SELECT FROM sketched)
    )
    SELECT r.entity_kind, p.lifecycle, r.status, p.template, extract(epoch FROM r.lasted)::float8, 1
    FROM read AS r JOIN sojourn.task AS p ON p.task_id = r.task_id
    WHERE
        EXISTS (SELECT FROM exact) -- else no task is read
        AND r.lasted IS NOT NULL AND ((r.entity_kind, p.lifecycle, r.status) IN (SELECT x.* FROM exact AS x)) IS TRUE
    UNION ALL
    SELECT r.entity_kind, r.lifecycle, r.status, r.template, r.seconds, 1
    FROM
        recent AS r
        JOIN wanted AS w ON w.entity_kind = r.entity_kind AND w.lifecycle = r.lifecycle AND w.status = r.status
        JOIN sketched AS s ON s.entity_kind = r.entity_kind
    WHERE r.ended_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    UNION ALL
    SELECT s.entity_kind, s.lifecycle, s.status, s.template, sojourn.sketch_seconds(b.bucket), b.n
    FROM
        sojourn.stay_sketch AS s
        JOIN wanted AS w ON w.entity_kind = s.entity_kind AND w.lifecycle = s.lifecycle AND w.status = s.status
        JOIN sketched AS k ON k.entity_kind = s.entity_kind
        CROSS JOIN LATERAL unnest(s.buckets, s.counts) AS b (bucket, n)
    WHERE s.day < coalesce((sojourn.as_of() AT TIME ZONE 'UTC')::date, 'infinity')
$$;

COMMENT ON FUNCTION sojourn.ended_stays IS
    'How long stays in some statuses lasted that have ended, now or as of sojourn.as_of, with how many stays each row '
    'stands for. The arrays have one element for each kind of entity, lifecycle and status.';
