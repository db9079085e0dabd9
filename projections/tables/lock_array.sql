-- Lock an array until the transaction ends, and return whether it exists.
-- It waits for the holder for at most two seconds (55P03). An array is locked before anything else, so that no two
-- writers wait for each other.
CREATE OR REPLACE FUNCTION sojourn.lock_array(wanted text) RETURNS boolean
LANGUAGE plpgsql
SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM FROM sojourn.array AS a WHERE a.array_id = wanted FOR NO KEY UPDATE;
    RETURN FOUND;
END
$$;
