-- The statement that stores a rebuilt table as the one that is read is stored (LIKE does not copy that).
SELECT format('ALTER TABLE sojourn_rebuild.%%I SET (%%s)', t.relname, array_to_string(t.reloptions, ', '))
FROM pg_class AS t
WHERE t.oid = %(table)s::regclass AND t.reloptions IS NOT NULL;
