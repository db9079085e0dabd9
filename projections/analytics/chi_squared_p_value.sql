-- Return the probability that a chi-squared value with one degree of freedom is at least as large as this one.
-- It is erfc(sqrt(x / 2)), which PostgreSQL has from release 16 on only. The sum is the midpoint rule for the integral of
-- exp(-t²) / (t² + x²) with steps of 1/2; the last term is what the rule leaves out at the pole. The error is below 1e-15
-- of the value.
CREATE OR REPLACE FUNCTION sojourn.chi_squared_p_value(chi_squared float8) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT
        z.x * exp(-z.x * z.x) / pi() * sum(exp(-t.at * t.at) / (t.at * t.at + z.x * z.x))
        + CASE WHEN z.x < 6 THEN 2 / (1 + exp(4 * pi() * z.x)) ELSE 0 END
    FROM
        -- Beyond 1400 the value is 0 for every purpose, and exp() would raise an error.
        (SELECT sqrt(least(greatest(chi_squared_p_value.chi_squared, 0), 1400) / 2) AS x) AS z
        CROSS JOIN (SELECT (k + 0.5)::float8 / 2 AS at FROM generate_series(0, 15) AS k) AS t
    GROUP BY z.x
$$;

COMMENT ON FUNCTION sojourn.chi_squared_p_value IS
    'The probability that a chi-squared value with one degree of freedom is at least as large as this one.';
