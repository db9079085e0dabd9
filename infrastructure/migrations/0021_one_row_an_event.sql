-- Store what the copy lacks, and let sojourn.event and sojourn.transition become views that show what they had. The tables of
-- before go once no view of Sojourn reads them.

-- Nobody adds an event meanwhile.
LOCK TABLE sojourn.event, sojourn.transition IN ACCESS EXCLUSIVE MODE;
INSERT INTO sojourn.stored_event
SELECT s.*
FROM sojourn.event AS e CROSS JOIN LATERAL sojourn.store_event(e) AS s
WHERE e.position > (SELECT coalesce(max(n.position), 0) FROM sojourn.stored_event AS n)
ORDER BY e.position;

DO $$
DECLARE
    lacking bigint := (SELECT count(*) FROM sojourn.event) - (SELECT count(*) FROM sojourn.stored_event);
BEGIN
    IF lacking <> 0 THEN
        RAISE EXCEPTION 'the copy of the log lacks % events', lacking
            USING
                ERRCODE = 'data_exception',
                HINT = 'Drop the table sojourn.stored_event, and run `sojourn setup` again: the log is as it was.';
    END IF;
END
$$;

ALTER TABLE sojourn.event RENAME TO event_before_0021;
ALTER TABLE sojourn.transition RENAME TO transition_before_0021;
ALTER SEQUENCE sojourn.event_position OWNED BY sojourn.stored_event.position;

-- The functions that take an event take a row of the view; this version's objects are created after this.
DO $$
DECLARE
    old regprocedure;
BEGIN
    FOR old IN
        SELECT p.oid FROM pg_proc AS p
        WHERE
            p.pronamespace = 'sojourn'::regnamespace
            AND p.proargtypes::oid [] && ARRAY[
                'sojourn.event_before_0021'::regtype, 'sojourn.event_before_0021[]'::regtype,
                'sojourn.event_fields'::regtype
            ]::oid []
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
    FOR old IN
        SELECT p.oid FROM pg_proc AS p
        WHERE p.pronamespace = 'sojourn'::regnamespace AND p.prorettype = 'sojourn.event_fields'::regtype
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
END
$$;
DROP TYPE sojourn.event_fields;

ANALYZE sojourn.stored_event;
