-- Let the last partition of the log end before a position, and create the one that begins there.
-- It waits for those who use the log, and they for it. A check that the partition has no later position, where it has one,
-- saves reading it meanwhile.
CREATE OR REPLACE FUNCTION sojourn.end_partition(boundary bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
    next text := 'stored_event_' || boundary;
BEGIN
    LOCK TABLE sojourn.stored_event IN ACCESS EXCLUSIVE MODE;
    SELECT p.name, coalesce(p.first::text, 'MINVALUE') AS first INTO STRICT last
    FROM sojourn.event_partition AS p
    WHERE p.until IS NULL;
    EXECUTE format('ALTER TABLE sojourn.stored_event DETACH PARTITION %s', last.name);
    EXECUTE format(
        'ALTER TABLE sojourn.stored_event ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)', last.name, last.first, boundary
    );
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS event_ends', last.name);
    EXECUTE format(
        'CREATE TABLE sojourn.%I PARTITION OF sojourn.stored_event '
        '(CONSTRAINT %I UNIQUE (entity_kind, entity_id, version)) FOR VALUES FROM (%s) TO (MAXVALUE)',
        next, next || '_entity_version_key', boundary
    );
    PERFORM sojourn.guard_partition(format('sojourn.%I', next)::regclass);
END
$$;

COMMENT ON FUNCTION sojourn.end_partition IS
    'Let the last partition of the log end before a position, and create the one that begins there.';
