-- Return the statements that give a rebuilt table the keys and indexes of the table it replaces, under the same names.
-- The schema's name is quoted where the server quotes every name.
SELECT format('ALTER TABLE sojourn_rebuild.%%I ADD CONSTRAINT %%I %%s', t.relname, c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
WHERE t.oid = %(table)s::regclass AND c.contype IN ('p', 'u')
UNION ALL
SELECT regexp_replace(pg_get_indexdef(i.indexrelid), ' ON ("?)sojourn\1\.', ' ON sojourn_rebuild.')
FROM pg_index AS i
WHERE
    i.indrelid = %(table)s::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
