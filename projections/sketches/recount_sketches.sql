-- Take the stays of some workflows out of the sketches (sign -1) or back into them (1): they leave the log, or return.
-- The lock of the checkpoint keeps a maintainer from passing them meanwhile. What it has not read yet, it counts itself.
CREATE OR REPLACE FUNCTION sojourn.recount_sketches(workflow_ids text[], sign integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sojourn.checkpoint AS c WHERE c.subscription = 'sketches' FOR NO KEY UPDATE;
    IF sojourn.sketched_to() > 0 THEN
        PERFORM sojourn.count_stays(0, sojourn.sketched_to(), workflow_ids, sign);
    END IF;
END
$$;

COMMENT ON FUNCTION sojourn.recount_sketches IS
    'Take the stays of some workflows out of sojourn.stay_sketch (sign -1), or back into it (1).';
