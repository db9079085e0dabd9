-- Return the sketches that differ from the log up to the checkpoint of their subscription.
WITH ended AS (
    SELECT
        x.entity_kind, x.entity_id, x.position, x.entered_at AS ended_at,
        lag(x.status) OVER in_stream AS status,
        extract(epoch FROM x.entered_at - lag(x.entered_at) OVER in_stream) AS seconds,
        coalesce(first_value(x.task_id) OVER in_stream, x.entity_id) AS task_id
    FROM sojourn.stored_event AS x
    WHERE
        (x.version = 1 OR x.previous_status IS NOT NULL) AND x.position <= sojourn.sketched_to()
        AND x.entity_kind IN ('task', 'task_instance')
    WINDOW in_stream AS (PARTITION BY x.entity_id, x.entity_kind ORDER BY x.version)
),
logged AS (
    SELECT b.day, b.entity_kind, b.lifecycle, b.lifecycle_version, b.template, b.status, sum(b.n) AS n,
        sum(b.seconds) AS seconds, array_agg(b.bucket ORDER BY b.bucket) AS buckets,
        array_agg(b.n ORDER BY b.bucket) AS counts
    FROM (
        SELECT
            (e.ended_at AT TIME ZONE 'UTC')::date AS day, e.entity_kind, t.lifecycle, t.lifecycle_version, t.template,
            e.status, sojourn.sketch_bucket(e.seconds::float8) AS bucket, count(*) AS n, sum(e.seconds) AS seconds
        FROM ended AS e INNER JOIN sojourn.task AS t ON t.task_id = e.task_id
        WHERE e.status IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    ) AS b
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT
    coalesce(l.day, s.day)::text, coalesce(l.entity_kind, s.entity_kind), coalesce(l.lifecycle, s.lifecycle),
    coalesce(l.template, s.template), coalesce(l.status, s.status), l.n::bigint, s.n
FROM
    logged AS l
    FULL JOIN sojourn.stay_sketch AS s
        ON s.day = l.day AND s.entity_kind = l.entity_kind AND s.lifecycle = l.lifecycle
        AND s.lifecycle_version = l.lifecycle_version AND s.status = l.status
        AND coalesce(s.template, '') = coalesce(l.template, '') AND (s.template IS NULL) = (l.template IS NULL)
WHERE (l.n, l.seconds, l.buckets, l.counts) IS DISTINCT FROM (s.n, s.seconds, s.buckets, s.counts)
ORDER BY 1, 2, 3, 4, 5;
