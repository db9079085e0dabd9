-- Return the durations at which the bins of a histogram begin.
-- Each is two to four times the one before, and easy to read: 1, 2, 5, 10 seconds, then minutes, hours, days.
CREATE OR REPLACE FUNCTION sojourn.histogram_bounds() RETURNS float8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30,
        60, 120, 300, 600, 1800, 3600, 7200, 18000, 43200,
        86400, 172800, 432000, 864000, 2592000, 8640000, 31536000
    ]::float8[]
$$;

COMMENT ON FUNCTION sojourn.histogram_bounds IS 'The durations, in seconds, at which the bins of a histogram begin.';
