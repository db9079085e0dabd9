-- Refuse to delete events that the tombstones of this transaction do not describe: other workflows', more, fewer, or
-- with other content than the archive has.
CREATE OR REPLACE FUNCTION sojourn.refuse_to_remove() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM sojourn.archived_workflow AS a WHERE a.removed_by = pg_current_xact_id_if_assigned()
    ) THEN
        RETURN NULL; -- refuse_to_rewrite has refused already, unless the owner of the log has disabled it
    END IF;
    IF EXISTS (
        SELECT FROM
            (
                SELECT a.* FROM sojourn.archived_workflow AS a
                WHERE a.removed_by = pg_current_xact_id_if_assigned()
            ) AS a
            FULL JOIN (
                SELECT
                    r.workflow_id, count(*) AS events,
                    sha256(string_agg(sojourn.digest_stored(r), '' ORDER BY r.position)) AS digest
                FROM removed AS r
                GROUP BY r.workflow_id
            ) AS r USING (workflow_id)
        WHERE (a.events, a.digest) IS DISTINCT FROM (r.events, r.digest)
    ) THEN
        RAISE EXCEPTION 'the log is append-only: the events that would be removed are not those of the archive'
            USING ERRCODE = 'SJ002', HINT = 'Run `sojourn archive` again.';
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER refuse_to_remove
    AFTER DELETE ON sojourn.stored_event
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_remove();
