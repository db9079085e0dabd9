-- Return the position up to which the sketches count the stays that events have ended.
CREATE OR REPLACE FUNCTION sojourn.sketched_to() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT c.position FROM sojourn.checkpoint AS c WHERE c.subscription = 'sketches'), 0)
$$;

COMMENT ON FUNCTION sojourn.sketched_to IS
    'The position up to which sojourn.stay_sketch counts the stays that events have ended.';
