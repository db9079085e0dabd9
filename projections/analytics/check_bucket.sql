-- Return a bucket, or raise an error where a span has too many of them.
-- The server would write each one to the disk before it reads the first.
CREATE OR REPLACE FUNCTION sojourn.check_bucket(bucket interval, number float8) RETURNS interval
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF number > 1000000 THEN
        RAISE EXCEPTION 'that would be % buckets, of a million at most', to_char(number, 'FM999,999,999,999,999,999')
            USING ERRCODE = 'program_limit_exceeded', HINT = 'Take a longer bucket, or a window of time.';
    END IF;
    RETURN bucket;
END
$$;

COMMENT ON FUNCTION sojourn.check_bucket IS
    'The bucket itself; raises program_limit_exceeded where a span has more than a million buckets.';
