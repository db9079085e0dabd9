-- Return the owner of the schema sojourn, whether Sojourn made it, and the first things in it; no row: there is none.
-- It reads the catalog alone, so that every role may ask.
SELECT
    pg_get_userbyid(n.nspowner),
    EXISTS (
        SELECT FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE
            c.relnamespace = n.oid AND c.relname = 'migration' AND c.relkind = 'r'
            AND (a.attname, a.atttypid) IN (
                ('name', 'text'::regtype), ('checksum', 'text'::regtype), ('applied_at', 'timestamptz'::regtype)
            )
        HAVING count(*) = 3
    ),
    ARRAY(
        SELECT o.type || ' ' || o.identity
        FROM pg_depend AS d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.deptype = 'n'
        ORDER BY 1
        LIMIT 3
    )
FROM pg_namespace AS n
WHERE n.nspname = 'sojourn';
