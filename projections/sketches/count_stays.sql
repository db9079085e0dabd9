-- Count in the sketches the stays that events between two positions have ended: of all workflows, or of some of them.
-- With sign -1 they are taken out. The caller holds the lock of the checkpoint, so that nobody else changes a sketch.
CREATE OR REPLACE FUNCTION sojourn.count_stays(after bigint, upto bigint, workflow_ids text[], sign integer)
RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
    WITH stay AS (
        SELECT e.* FROM sojourn.stays_ended_between(count_stays.after, count_stays.upto) AS e
        WHERE count_stays.workflow_ids IS NULL
        UNION ALL
        SELECT e.* FROM sojourn.stays_of_workflows(count_stays.workflow_ids, count_stays.upto) AS e
        WHERE count_stays.workflow_ids IS NOT NULL
    ),
    bucket AS (
        SELECT
            (s.ended_at AT TIME ZONE 'UTC')::date AS day, s.entity_kind, s.lifecycle, s.lifecycle_version, s.template,
            s.status, sojourn.sketch_bucket(s.seconds::float8) AS bucket, count_stays.sign * count(*) AS n,
            count_stays.sign * sum(s.seconds) AS seconds
        FROM stay AS s
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    )
    MERGE INTO sojourn.stay_sketch AS s
    USING (
        SELECT
            b.day, b.entity_kind, b.lifecycle, b.lifecycle_version, b.template, b.status, sum(b.n)::bigint AS n,
            sum(b.seconds) AS seconds, array_agg(b.bucket ORDER BY b.bucket) AS buckets,
            array_agg(b.n ORDER BY b.bucket) AS counts
        FROM bucket AS b
        GROUP BY 1, 2, 3, 4, 5, 6
    ) AS d
    ON s.entity_kind = d.entity_kind AND s.day = d.day AND s.lifecycle = d.lifecycle
        AND s.lifecycle_version = d.lifecycle_version AND s.template IS NOT DISTINCT FROM d.template
        AND s.status = d.status
    WHEN MATCHED AND s.n + d.n = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET
        n = s.n + d.n, seconds = s.seconds + d.seconds,
        (buckets, counts) = (
            SELECT array_agg(m.bucket ORDER BY m.bucket), array_agg(m.n ORDER BY m.bucket)
            FROM (
                SELECT u.bucket, sum(u.n)::bigint AS n
                FROM (
                    SELECT * FROM unnest(s.buckets, s.counts)
                    UNION ALL
                    SELECT * FROM unnest(d.buckets, d.counts)
                ) AS u (bucket, n)
                GROUP BY u.bucket
                HAVING sum(u.n) <> 0
            ) AS m
        )
    WHEN NOT MATCHED THEN INSERT (
        day, entity_kind, lifecycle, lifecycle_version, template, status, n, seconds, buckets, counts
    )
    VALUES (
        d.day, d.entity_kind, d.lifecycle, d.lifecycle_version, d.template, d.status, d.n, d.seconds, d.buckets, d.counts
    );
END
$$;

COMMENT ON FUNCTION sojourn.count_stays IS
    'Count in sojourn.stay_sketch the stays that events between two positions have ended, or take them out (sign -1): of '
    'some workflows, or of all (NULL).';
