-- Return the user, and whether they are a superuser, may set the schema up, append to the log, and read it.
SELECT
    current_user,
    r.rolsuper,
    pg_has_role(n.nspowner, 'USAGE'),
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT'),
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
FROM
    pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'sojourn'
    JOIN pg_roles AS r ON r.rolname = current_user
WHERE c.relname = 'event';
