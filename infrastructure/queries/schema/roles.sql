-- Create the roles of Sojourn, and give its schema in this database to sojourn_owner.
--
-- Run it with psql in the database of Sojourn, as a superuser or as a role that may create roles and owns the database:
--     sojourn setup --print-roles | psql DSN
-- Before `sojourn setup` or after it, once or again. The roles cannot log in; make each login role a member of one:
--     CREATE ROLE operator LOGIN PASSWORD '...' IN ROLE sojourn_owner;   -- runs `sojourn setup` and `sojourn rebuild`
--     CREATE ROLE service LOGIN PASSWORD '...' IN ROLE sojourn_writer;   -- runs the service: appends, changes no event
--     CREATE ROLE analyst LOGIN PASSWORD '...' IN ROLE sojourn_reader;   -- runs every command that only reads

DO $roles$
DECLARE
    wanted text;
    change text;
    before oid := (SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'sojourn');
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

    FOREACH wanted IN ARRAY ARRAY['sojourn_owner', 'sojourn_writer', 'sojourn_reader'] LOOP
        IF to_regrole(wanted) IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;

    -- A rebuild fills its tables in a schema of their own.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO sojourn_owner', current_database());
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        GRANT sojourn_owner TO CURRENT_USER; -- only a member may give something to a role
    END IF;

    FOR change IN
        SELECT 'SCHEMA sojourn' WHERE before IS NOT NULL
        UNION ALL
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' WHEN 'c' THEN 'TYPE ' ELSE 'TABLE ' END || c.oid::regclass
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE
            n.nspname = 'sojourn' AND c.relowner = before AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c')
            AND NOT (c.relkind = 'S' AND EXISTS ( -- the sequence of a column follows its table
                SELECT FROM pg_depend AS d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a'
            ))
        UNION ALL
        SELECT 'ROUTINE ' || p.oid::regprocedure
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = 'sojourn' AND p.proowner = before
    LOOP
        EXECUTE format('ALTER %s OWNER TO sojourn_owner', change);
    END LOOP;

    IF to_regprocedure('sojourn.grant_roles()') IS NOT NULL THEN
        PERFORM sojourn.grant_roles();
    END IF;
END
$roles$;
