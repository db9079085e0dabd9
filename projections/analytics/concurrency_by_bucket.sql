-- Return how many entities were in a status at once in each bucket of time: the mean weighted by time, and the most.
-- The boundaries of buckets count as changes by nothing, so that what lies between two changes lies within one bucket.
-- Where both are at one instant, all but the last lead to a piece of no length. Buckets begin at multiples of their
-- length from a Monday in UTC. What changed before the window counts as changed at its start, because buckets are made
-- for the window alone.
-- Buckets of whole hours over all workflows come from the sums where somebody keeps them: an hour is then one piece, which
-- has what its changes add to the most and to the mean.
CREATE OR REPLACE FUNCTION sojourn.concurrency_by_bucket(
    entity_kind text, status text, bucket interval, workflow_id text DEFAULT NULL, by text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE ("group" text, bucket_at timestamptz, mean float8, most bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH asked AS MATERIALIZED (
        SELECT
            a.at,
            concurrency_by_bucket.workflow_id IS NULL AND coalesce(concurrency_by_bucket.by, 'template') = 'template'
            AND sojourn.summed_to() > 0
            AND extract(epoch FROM concurrency_by_bucket.bucket) % 3600 = 0 AS is_summed
        FROM sojourn.as_of_or_now() AS a (at)
    ),
    change AS MATERIALIZED (
        SELECT
            c."group", c.at, c.at AS first_at, c.at AS last_at,
            (c.n - lag(c.n, 1, 0::bigint) OVER (PARTITION BY c."group" ORDER BY c.at))::integer AS step,
            false AS of_hour, 0::bigint AS most, 0::float8 AS entity_seconds
        FROM sojourn.concurrency(
            concurrency_by_bucket.entity_kind, concurrency_by_bucket.status, concurrency_by_bucket.workflow_id,
            concurrency_by_bucket.by
        ) AS c
        WHERE NOT (SELECT a.is_summed FROM asked AS a)
        UNION ALL
        SELECT s.*
        FROM sojourn.summed_changes(
            concurrency_by_bucket.entity_kind, concurrency_by_bucket.status, concurrency_by_bucket.by
        ) AS s
        WHERE
            (SELECT a.is_summed FROM asked AS a)
            AND sojourn.check_choice('entity_kind', concurrency_by_bucket.entity_kind, ARRAY['task', 'task_instance'])
            AND sojourn.check_status(concurrency_by_bucket.entity_kind, concurrency_by_bucket.status)
            AND sojourn.check_choice('by', concurrency_by_bucket.by, ARRAY[NULL, 'workflow', 'template'])
    ),
    span AS (
        SELECT
            c."group",
            date_bin(
                concurrency_by_bucket.bucket, greatest(min(c.first_at), concurrency_by_bucket.since),
                '2000-01-03T00:00:00Z'
            ) AS begins,
            least(
                CASE WHEN sum(c.step) > 0 THEN greatest(max(c.last_at), a.at) ELSE max(c.last_at) END,
                concurrency_by_bucket.until
            ) AS ends,
            greatest(max(c.last_at), a.at) AS asked_at
        FROM change AS c, asked AS a
        GROUP BY c."group", a.at
    ),
    counted AS (
        SELECT
            s.*,
            sojourn.check_bucket(
                concurrency_by_bucket.bucket,
                sum(date_part('epoch', s.ends - s.begins) / date_part('epoch', concurrency_by_bucket.bucket)) OVER ()
            ) AS bucket
        FROM span AS s
        WHERE s.begins <= s.ends
    ),
    point AS (
        SELECT
            c."group", greatest(c.at + p.number * interval '1 hour', s.begins) AS at,
            -- An hour is a piece, and what it changed follows at its end.
            CASE WHEN c.of_hour AND c.at >= s.begins AND p.number = 0 THEN 0 ELSE c.step END AS step,
            c.of_hour AND p.number = 0 AND c.at >= s.begins AS of_hour, c.most, c.entity_seconds
        FROM
            change AS c
            -- IS NOT DISTINCT FROM would look through every group for each change.
            INNER JOIN counted AS s
                ON coalesce(s."group", '') = coalesce(c."group", '') AND (s."group" IS NULL) = (c."group" IS NULL)
            CROSS JOIN LATERAL generate_series(0, (c.of_hour AND c.at >= s.begins)::integer) AS p (number)
        UNION ALL
        SELECT s."group", least(b.at, s.asked_at), 0, false, 0, 0
        FROM counted AS s, generate_series(s.begins, s.ends + s.bucket, s.bucket) AS b (at)
    ),
    piece AS (
        SELECT
            p."group", p.at, sum(p.step) OVER in_time AS n,
            date_part('epoch', lead(p.at) OVER in_time - p.at) AS seconds,
            CASE WHEN p.of_hour THEN p.most ELSE 0 END AS most,
            CASE WHEN p.of_hour THEN p.entity_seconds ELSE 0 END AS entity_seconds
        FROM point AS p
        WINDOW in_time AS (PARTITION BY p."group" ORDER BY p.at, p.of_hour)
    )
    SELECT
        p."group", date_bin(concurrency_by_bucket.bucket, p.at, '2000-01-03T00:00:00Z') AS bucket_at,
        (sum(p.n * p.seconds + p.entity_seconds) / sum(p.seconds))::float8, max(p.n + p.most)::bigint
    FROM piece AS p
    WHERE
        p.seconds > 0
        AND date_bin(concurrency_by_bucket.bucket, p.at, '2000-01-03T00:00:00Z')
        <= coalesce(concurrency_by_bucket.until, 'infinity')
    GROUP BY 1, 2
    ORDER BY 1, 2
$$;

COMMENT ON FUNCTION sojourn.concurrency_by_bucket (
    text, text, interval, text, text, timestamptz, timestamptz
) IS
    'How many tasks or task instances were in a status at once, in each bucket of time: the mean weighted by time and '
    'the most. The last bucket is weighed up to now, or to sojourn.as_of. since and until: only the buckets from the '
    'one that since lies in to the one that until lies in.';
