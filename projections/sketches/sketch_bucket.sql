-- Return the bucket of a duration: all durations of one bucket are within 1 % of its sojourn.sketch_seconds.
-- The buckets are those of DDSketch: each ends 1.01 / 0.99 times as late as the one before. No duration is negative, and
-- that of a microsecond is in bucket -690, so that -1000 is free for durations of nothing.
CREATE OR REPLACE FUNCTION sojourn.sketch_bucket(seconds float8) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN seconds > 0 THEN ceil(ln(seconds) / ln(1.01::float8 / 0.99))::integer ELSE -1000 END
$$;

COMMENT ON FUNCTION sojourn.sketch_bucket IS
    'The bucket in which a sketch counts a duration: those of one bucket are within 1 % of its sojourn.sketch_seconds.';
