-- Return the duration that stands for those of a bucket.
CREATE OR REPLACE FUNCTION sojourn.sketch_seconds(bucket integer) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN bucket > -1000 THEN 0.99 * power(1.01::float8 / 0.99, bucket) ELSE 0 END
$$;

COMMENT ON FUNCTION sojourn.sketch_seconds IS
    'The duration, in seconds, that stands for those of a bucket of sojourn.sketch_bucket.';
