-- Return the two places between which a quantile of n sorted values lies, and its share of the way.
CREATE OR REPLACE FUNCTION sojourn.quantile_position(quantile float8, n bigint)
RETURNS TABLE (below bigint, above bigint, share float8)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        1 + floor(quantile * (n - 1))::bigint, 1 + ceil(quantile * (n - 1))::bigint,
        quantile * (n - 1) - floor(quantile * (n - 1))
$$;

COMMENT ON FUNCTION sojourn.quantile_position IS
    'Where a quantile lies among n sorted values, counted from 1: between two of them, at a share of the way.';
