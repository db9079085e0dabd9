-- Return the statement that gives a rebuilt table the storage options of the table it replaces, which LIKE does not
-- copy.
SELECT format('ALTER TABLE sojourn_rebuild.%%I SET (%%s)', t.relname, array_to_string(t.reloptions, ', '))
FROM pg_class AS t
WHERE t.oid = %(table)s::regclass AND t.reloptions IS NOT NULL;
