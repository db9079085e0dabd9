-- Return how many entities were in a status at once in each bucket of time: the mean weighted by time, and the most.
-- The boundaries of buckets count as changes by nothing, so that what lies between two changes lies within one bucket.
-- Where both are at one instant, all but the last lead to a piece of no length. Buckets begin at multiples of their
-- length from a Monday in UTC. What changed before the window counts as changed at its start, because buckets are made
-- for the window alone.
CREATE OR REPLACE FUNCTION sojourn.concurrency_by_bucket(
    entity_kind text, status text, bucket interval, workflow_id text DEFAULT NULL, by text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE ("group" text, bucket_at timestamptz, mean float8, most bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH change AS MATERIALIZED (
        SELECT c."group", c.at, (c.n - lag(c.n, 1, 0::bigint) OVER (PARTITION BY c."group" ORDER BY c.at))::integer AS step
        FROM sojourn.concurrency(
            concurrency_by_bucket.entity_kind, concurrency_by_bucket.status, concurrency_by_bucket.workflow_id,
            concurrency_by_bucket.by
        ) AS c
    ),
    span AS (
        SELECT
            c."group",
            date_bin(
                concurrency_by_bucket.bucket, greatest(min(c.at), concurrency_by_bucket.since), '2000-01-03T00:00:00Z'
            ) AS begins,
            least(
                CASE WHEN sum(c.step) > 0 THEN greatest(max(c.at), asked.at) ELSE max(c.at) END,
                concurrency_by_bucket.until
            ) AS ends,
            greatest(max(c.at), asked.at) AS asked_at
        FROM change AS c, (SELECT sojourn.as_of_or_now()) AS asked (at)
        GROUP BY c."group", asked.at
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
        SELECT c."group", greatest(c.at, s.begins) AS at, c.step
        FROM
            change AS c
            -- IS NOT DISTINCT FROM would look through every group for each change.
            INNER JOIN counted AS s
                ON coalesce(s."group", '') = coalesce(c."group", '') AND (s."group" IS NULL) = (c."group" IS NULL)
        UNION ALL
        SELECT s."group", least(b.at, s.asked_at), 0
        FROM counted AS s, generate_series(s.begins, s.ends + s.bucket, s.bucket) AS b (at)
    ),
    piece AS (
        SELECT
            p."group", p.at, sum(p.step) OVER in_time AS n,
            date_part('epoch', lead(p.at) OVER in_time - p.at) AS seconds
        FROM point AS p
        WINDOW in_time AS (PARTITION BY p."group" ORDER BY p.at)
    )
    SELECT
        p."group", date_bin(concurrency_by_bucket.bucket, p.at, '2000-01-03T00:00:00Z') AS bucket_at,
        (sum(p.n * p.seconds) / sum(p.seconds))::float8, max(p.n)
    FROM piece AS p
    WHERE
        p.seconds > 0
        AND date_bin(concurrency_by_bucket.bucket, p.at, '2000-01-03T00:00:00Z')
        <= coalesce(concurrency_by_bucket.until, 'infinity')
    GROUP BY 1, 2
    ORDER BY 1, 2
$$;

COMMENT ON FUNCTION sojourn.concurrency_by_bucket IS
    'How many tasks or task instances were in a status at once, in each bucket of time: the mean weighted by time and '
    'the most. The last bucket is weighed up to now, or to sojourn.as_of. since and until: only the buckets from the '
    'one that since lies in to the one that until lies in.';
