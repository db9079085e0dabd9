-- Let this transaction change the events of an erasure that has not ended, and return the name that replaces its actor.
-- Nothing is sealed meanwhile: a seal would state what is erased, and would not have its salted hash.
CREATE OR REPLACE FUNCTION sojourn.begin_erasing(erasure sojourn.erasure) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7205759403792796);
    UPDATE sojourn.erasure AS e SET written_by = pg_current_xact_id()
    WHERE
        e.number = erasure.number AND e.ended_at IS NULL
        AND EXISTS (
            SELECT FROM sojourn.stored_event AS o
            WHERE o.entity_kind = 'log' AND o.entity_id = 'erased-' || e.number AND o.version = 1
        );
    IF NOT FOUND THEN
        RAISE EXCEPTION 'erasure % has ended, or the log has no record of it', erasure.number USING ERRCODE = 'SJ002';
    END IF;
    RETURN 'erased-' || erasure.number;
END
$$;

COMMENT ON FUNCTION sojourn.begin_erasing IS
    'Let this transaction change the events of an erasure, and return the name that replaces its actor.';
