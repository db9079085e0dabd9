-- Locks an array until the transaction ends, and says whether there is one. It waits for who holds it, for at most five
-- seconds (55P03): an array is locked before anything else, so that nobody waits for each other.
CREATE OR REPLACE FUNCTION sojourn.lock_array(wanted text) RETURNS boolean
LANGUAGE plpgsql
SET lock_timeout = '5s' AS $$
BEGIN
    PERFORM FROM sojourn.array AS a WHERE a.array_id = wanted FOR NO KEY UPDATE;
    RETURN FOUND;
END
$$;
