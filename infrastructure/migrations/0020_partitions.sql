-- Partition the log by ranges of positions. The table of before becomes its first partition as it is: nothing is copied,
-- and readers and writers wait for a moment. `sojourn maintain` gives it an end and adds the next ones.
DO $$
DECLARE
    dependents text := (
        SELECT string_agg(DISTINCT r.ev_class::regclass::text, ', ')
        FROM
            pg_depend AS d
            JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
            JOIN pg_class AS c ON c.oid = r.ev_class
        WHERE
            d.refclassid = 'pg_class'::regclass AND d.refobjid = 'sojourn.event'::regclass
            AND c.relnamespace <> 'sojourn'::regnamespace
    );
BEGIN
    IF dependents IS NOT NULL THEN
        RAISE EXCEPTION '% reads the table sojourn.event itself, which becomes a partition', dependents
            USING
                ERRCODE = 'dependent_objects_still_exist',
                HINT = 'Build it on the view sojourn.logged_event, and run `sojourn setup` again.';
    END IF;
END
$$;

ALTER TABLE sojourn.event RENAME TO event_1;

-- The functions that take an event take a row of the new table; this version's objects are created after this.
DO $$
DECLARE
    old regprocedure;
BEGIN
    FOR old IN
        SELECT p.oid FROM pg_proc AS p
        WHERE
            p.pronamespace = 'sojourn'::regnamespace
            AND 'sojourn.event_1'::regtype::oid = ANY (p.proargtypes::oid [])
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
END
$$;

ALTER TABLE sojourn.event_1 RENAME CONSTRAINT event_pkey TO event_1_pkey;
ALTER TABLE sojourn.event_1 RENAME CONSTRAINT event_stream_version_key TO event_1_stream_version_key;
DROP TRIGGER IF EXISTS project_appended ON sojourn.event_1;
DROP TRIGGER IF EXISTS own_transaction_id ON sojourn.event_1;
DROP TRIGGER IF EXISTS refuse_to_remove ON sojourn.event_1;

CREATE TABLE sojourn.event (
    LIKE sojourn.event_1 INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);
COMMENT ON TABLE sojourn.event IS 'One row an event, never changed. A stream is one entity: task:ID, task_instance:ID.';
ALTER SEQUENCE sojourn.event_position OWNED BY sojourn.event.position;
-- Every position is between these bounds, so that no row is looked at.
ALTER TABLE sojourn.event ATTACH PARTITION sojourn.event_1 FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
