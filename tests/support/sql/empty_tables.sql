-- Delete every row but the list of migrations and the log's identity, which the template has too. Run by a superuser.

-- Triggers are off in this transaction alone: the log stays append-only for every test.
SET LOCAL session_replication_role = replica;

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT c.oid::regclass AS name, pg_relation_size(c.oid) AS bytes
        FROM pg_class AS c
        WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('migration', 'log_identity')
            AND pg_relation_size(c.oid) > 0
    LOOP
        -- Deleting leaves dead rows in the file; truncating makes new files, which is slower where rows are few.
        IF found.bytes > 256 * 1024 THEN
            EXECUTE format('TRUNCATE %s', found.name);
        ELSE
            EXECUTE format('DELETE FROM %s', found.name);
        END IF;
    END LOOP;
    PERFORM setval(s.seqrelid, s.seqstart, false)
    FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid
    WHERE c.relnamespace = 'sojourn'::regnamespace;
END
$$;

-- What the planner has learnt about the rows that were there.
DELETE FROM pg_statistic AS s
USING pg_class AS c
WHERE c.oid = s.starelid AND c.relnamespace = 'sojourn'::regnamespace;
UPDATE pg_class AS c
SET relpages = fresh.pages, reltuples = fresh.tuples, relallvisible = 0
FROM (VALUES ('r', 0, -1), ('i', 1, 0), ('p', 0, -1), ('I', 0, -1)) AS fresh (kind, pages, tuples)
WHERE c.relnamespace = 'sojourn'::regnamespace
    AND c.relkind::text = fresh.kind AND (c.relpages, c.reltuples) <> (fresh.pages, fresh.tuples);
