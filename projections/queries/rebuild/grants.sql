-- Return the statements that grant on a rebuilt table what is granted on the table it replaces.
SELECT format(
    'GRANT %%s ON sojourn_rebuild.%%I TO %%s%%s', g.privilege_type, t.relname,
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
    CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
)
FROM pg_class AS t CROSS JOIN LATERAL aclexplode(t.relacl) AS g
WHERE t.oid = %(table)s::regclass AND g.grantee <> t.relowner;
