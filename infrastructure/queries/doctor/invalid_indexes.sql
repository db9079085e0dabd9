-- Return the indexes of the schema that the server does not use, because their creation has failed.
SELECT i.indexrelid::regclass::text
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'sojourn'::regnamespace AND NOT i.indisvalid
ORDER BY 1;
