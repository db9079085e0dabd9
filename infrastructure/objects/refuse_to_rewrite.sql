-- Refuse to change or delete events, for the owner of the tables too.
-- Only what this transaction has left a tombstone of may go, and refuse_to_remove compares it with the tombstone; only what
-- this transaction erases may change, and refuse_to_change compares it with the erasure.
CREATE OR REPLACE FUNCTION sojourn.refuse_to_rewrite() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'stored_event' AND EXISTS (
        SELECT FROM sojourn.archived_workflow AS a WHERE a.removed_by = pg_current_xact_id_if_assigned()
    ) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'stored_event' AND EXISTS (
        SELECT FROM sojourn.erasure AS e
        WHERE e.written_by = pg_current_xact_id_if_assigned() AND e.ended_at IS NULL
    ) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING
            ERRCODE = 'SJ002',
            HINT = CASE TG_OP
                WHEN 'INSERT' THEN 'Insert into sojourn.event, which projects what is inserted.'
                ELSE 'Append an event that says what is true now.'
            END;
END
$$;

CREATE OR REPLACE TRIGGER refuse_to_rewrite
    BEFORE UPDATE OR DELETE OR TRUNCATE ON sojourn.stored_event
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite();

-- A view has no row to change, so that a statement would get an error that does not say why.
CREATE OR REPLACE TRIGGER refuse_to_rewrite
    INSTEAD OF UPDATE OR DELETE ON sojourn.event
    FOR EACH ROW EXECUTE FUNCTION sojourn.refuse_to_rewrite();
CREATE OR REPLACE TRIGGER refuse_to_rewrite_any
    BEFORE UPDATE OR DELETE ON sojourn.event
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite();

-- The trigger of a table does not run for a statement that names one of its partitions.
CREATE OR REPLACE FUNCTION sojourn.guard_partition(partition regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE TRIGGER refuse_to_rewrite BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite()', partition
    );
    EXECUTE format(
        'CREATE OR REPLACE TRIGGER refuse_to_bypass BEFORE INSERT ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite()', partition
    );
END
$$;

COMMENT ON FUNCTION sojourn.guard_partition IS
    'Let nobody write to a partition of the log itself: events are inserted into sojourn.event, which projects them.';

SELECT sojourn.guard_partition(i.inhrelid) FROM pg_inherits AS i WHERE i.inhparent = 'sojourn.stored_event'::regclass;
