-- Refuse (SJ004) new entities whose id, or whose workflow, is in an archive. The detail is the tombstone.
-- The caller's transaction keeps archiving off until it ends, so that nothing is added to a workflow that is removed.
CREATE OR REPLACE FUNCTION sojourn.require_unarchived(streams text[], workflow_ids text[]) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    tombstone jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7205759403792795);
    IF NOT EXISTS (SELECT FROM sojourn.archived_workflow) THEN
        RETURN;
    END IF;
    SELECT sojourn.find_tombstone(n.stream, n.workflow_id) INTO tombstone
    FROM unnest(streams, workflow_ids) AS n (stream, workflow_id)
    WHERE sojourn.find_tombstone(n.stream, n.workflow_id) IS NOT NULL
    LIMIT 1;
    IF tombstone IS NOT NULL THEN
        RAISE EXCEPTION 'what is archived takes no further events' USING ERRCODE = 'SJ004', DETAIL = tombstone::text;
    END IF;
END
$$;

COMMENT ON FUNCTION sojourn.require_unarchived IS 'Refuse new entities whose id, or whose workflow, is in an archive.';
