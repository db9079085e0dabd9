-- Return the statements that give what this user has created in the schema to the owner of the schema.
SELECT format('ALTER %s %s OWNER TO %I', o.kind, o.name, pg_get_userbyid(n.nspowner))
FROM
    pg_namespace AS n
    CROSS JOIN LATERAL (
        SELECT
            CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END,
            c.oid::regclass::text, c.relowner
        FROM pg_class AS c
        WHERE
            c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c')
            -- The sequence of a column belongs to the owner of its table.
            AND NOT (
                c.relkind = 'S' AND EXISTS (
                    SELECT FROM pg_depend AS d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a'
                )
            )
        UNION ALL
        SELECT 'ROUTINE', p.oid::regprocedure::text, p.proowner FROM pg_proc AS p WHERE p.pronamespace = n.oid
    ) AS o (kind, name, owner)
WHERE n.nspname = 'sojourn' AND o.owner = current_user::regrole AND o.owner <> n.nspowner;
