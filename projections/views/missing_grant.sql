-- Show the statements that give the roles of Sojourn the rights they lack, and take from everybody what only writers need.
-- sojourn_reader reads everything but the answers of commands and the hashes of tokens. sojourn_writer also appends to the
-- log and keeps what follows from it, but changes no event and owns nothing. A role that does not exist is left out.
CREATE OR REPLACE VIEW sojourn.missing_grant AS
WITH role AS (
    SELECT r.oid, r.rolname AS name FROM pg_roles AS r WHERE r.rolname IN ('sojourn_reader', 'sojourn_writer')
),
relation AS (
    SELECT c.oid, c.relname AS name, c.relkind = 'S' AS is_sequence
    FROM pg_class AS c
    WHERE
        c.relnamespace = 'sojourn'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
        AND NOT c.relispartition -- what is read and appended goes through the partitioned table
),
routine AS (
    SELECT
        p.oid, p.provolatile <> 'v' AS only_reads,
        p.prorettype <> 'trigger'::regtype AND p.proname NOT IN (
            'grant_roles', 'grant_reader', 'remove_archived', 'begin_erasing', 'erase_events', 'erase_archived'
        ) AS is_called,
        coalesce(p.proacl, acldefault('f', p.proowner)) AS grants
    FROM pg_proc AS p
    WHERE p.pronamespace = 'sojourn'::regnamespace
),
written (name, privilege) AS (
    VALUES
        ('stored_event', 'INSERT'), ('event', 'INSERT'), ('command', 'INSERT'), ('dependency', 'INSERT'), ('wait', 'INSERT'),
        ('task', 'INSERT'), ('task', 'UPDATE'), ('task_instance', 'INSERT'), ('task_instance', 'UPDATE'),
        ('array', 'INSERT'), ('array', 'UPDATE'), ('lifecycle', 'INSERT'), ('lifecycle', 'UPDATE'),
        ('lease', 'INSERT'), ('lease', 'UPDATE'), ('checkpoint', 'INSERT'), ('checkpoint', 'UPDATE'),
        ('stay_sketch', 'INSERT'), ('stay_sketch', 'UPDATE'), ('stay_sketch', 'DELETE'),
        ('hour_sum', 'INSERT'), ('hour_sum', 'DELETE'), ('attempt_sum', 'INSERT'), ('attempt_sum', 'DELETE'),
        ('slot', 'INSERT'), ('slot', 'DELETE'),
        ('slot_limit', 'INSERT'), ('slot_limit', 'UPDATE'), ('slot_limit', 'DELETE'),
        ('token', 'INSERT'), ('token', 'UPDATE'), ('seal', 'INSERT'), ('seal_seed', 'INSERT')
)
SELECT o.name AS role, format('GRANT USAGE ON SCHEMA sojourn TO %I', o.name) AS statement
FROM role AS o
WHERE NOT has_schema_privilege(o.oid, 'sojourn', 'USAGE')
UNION ALL
SELECT o.name, format('GRANT SELECT ON sojourn.%I TO %I', t.name, o.name)
FROM role AS o CROSS JOIN relation AS t
WHERE
    NOT t.is_sequence AND NOT has_table_privilege(o.oid, t.oid, 'SELECT')
    AND (o.name = 'sojourn_writer' OR t.name NOT IN ('command', 'token'))
UNION ALL
SELECT o.name, format('GRANT SELECT (%I) ON sojourn.token TO %I', c.name, o.name)
FROM role AS o CROSS JOIN (VALUES ('name'), ('scope'), ('created_at'), ('revoked_at')) AS c (name)
WHERE o.name = 'sojourn_reader' AND NOT has_column_privilege(o.oid, 'sojourn.token', c.name, 'SELECT')
UNION ALL
SELECT o.name, format('GRANT %s ON sojourn.%I TO %I', w.privilege, t.name, o.name)
FROM role AS o CROSS JOIN relation AS t JOIN written AS w ON w.name = t.name
WHERE o.name = 'sojourn_writer' AND NOT has_table_privilege(o.oid, t.oid, w.privilege)
UNION ALL
SELECT o.name, format('GRANT USAGE ON SEQUENCE sojourn.%I TO %I', t.name, o.name)
FROM role AS o CROSS JOIN relation AS t
WHERE o.name = 'sojourn_writer' AND t.is_sequence AND NOT has_sequence_privilege(o.oid, t.oid, 'USAGE')
UNION ALL
SELECT o.name, format('GRANT EXECUTE ON FUNCTION %s TO %I', r.oid::regprocedure, o.name)
FROM role AS o CROSS JOIN routine AS r
WHERE
    r.is_called AND (o.name = 'sojourn_writer' OR r.only_reads)
    AND NOT EXISTS (SELECT FROM aclexplode(r.grants) AS a WHERE a.grantee = o.oid)
UNION ALL
SELECT 'public', format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', r.oid::regprocedure)
FROM routine AS r
WHERE NOT r.only_reads AND EXISTS (SELECT FROM aclexplode(r.grants) AS a WHERE a.grantee = 0);

COMMENT ON VIEW sojourn.missing_grant IS
    'The statements that give sojourn_reader and sojourn_writer the rights that they lack. `sojourn setup` runs them.';
