-- Return the position up to which the sums by hour and by workflow count; 0 where nobody keeps them.
CREATE OR REPLACE FUNCTION sojourn.summed_to() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT c.position FROM sojourn.checkpoint AS c WHERE c.subscription = 'sums'), 0)
$$;

COMMENT ON FUNCTION sojourn.summed_to IS
    'The position up to which sojourn.hour_sum and sojourn.attempt_sum count; 0 where nobody keeps them.';
