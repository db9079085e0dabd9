-- Refuse to change events in any way but the erasure's of this transaction: of the actor that it names, in its workflow, and
-- no field that it does not erase.
CREATE OR REPLACE FUNCTION sojourn.refuse_to_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM sojourn.erasure AS e
        WHERE e.written_by = pg_current_xact_id_if_assigned() AND e.ended_at IS NULL
    ) THEN
        RETURN NULL; -- refuse_to_rewrite has refused already, unless the owner of the log has disabled it
    END IF;
    IF EXISTS (
        SELECT FROM former AS o FULL JOIN changed AS n ON n.position = o.position
        WHERE NOT EXISTS (
            SELECT FROM sojourn.erasure AS e
            WHERE
                e.written_by = pg_current_xact_id_if_assigned() AND e.ended_at IS NULL
                AND (e.workflow_id IS NULL OR e.workflow_id = o.workflow_id)
                AND sojourn.names_actor(sojourn.event_data(o), e.actor)
                AND to_jsonb(n) = to_jsonb(sojourn.erase_stored(o, 'erased-' || e.number))
        )
    ) THEN
        RAISE EXCEPTION 'the log is append-only: an erasure changes nothing but the actor, reasons and paths of its events'
            USING ERRCODE = 'SJ002', HINT = 'Run `sojourn erase`.';
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER refuse_to_change
    AFTER UPDATE ON sojourn.stored_event
    REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_change();
