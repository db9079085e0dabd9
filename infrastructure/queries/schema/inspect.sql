-- Return the owner of the schema sojourn, whether Sojourn made it, and the first things in it if not; no row: no schema.
-- It reads the catalog alone, so that every role may ask.
SELECT
    pg_get_userbyid(n.nspowner),
    ledger.is_there,
    CASE
        WHEN NOT ledger.is_there THEN ARRAY(
            SELECT o.type || ' ' || o.identity
            FROM pg_depend AS d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
            WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.deptype = 'n'
            ORDER BY 1
            LIMIT 3
        )
    END
FROM
    pg_namespace AS n
    CROSS JOIN LATERAL (
        SELECT count(*) = 3
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE
            c.relnamespace = n.oid AND c.relname = 'migration' AND c.relkind = 'r'
            AND (a.attname, a.atttypid) IN (
                ('name', 'text'::regtype), ('checksum', 'text'::regtype), ('applied_at', 'timestamptz'::regtype)
            )
    ) AS ledger (is_there)
WHERE n.nspname = 'sojourn';
