-- Return the databases that hold an opened case, with what their comments say.
SELECT d.datname, shobj_description(d.oid, 'pg_database')
FROM pg_database AS d
WHERE d.datname ~ '^case_[0-9a-f]{16}$' AND shobj_description(d.oid, 'pg_database') IS NOT NULL
ORDER BY d.datname;
