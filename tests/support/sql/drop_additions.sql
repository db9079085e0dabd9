-- Take out of a database what a test has put next to the product's schema. Run by a superuser.

-- Sessions that still use the database would block what follows, or write after it.
SELECT pg_terminate_backend(a.pid, 10000)
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid();

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT CASE s.setrole WHEN 0 THEN '' ELSE format('ROLE %s IN ', s.setrole::regrole) END AS role
        FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = s.setdatabase
        WHERE d.datname = current_database()
    LOOP
        EXECUTE format('ALTER %sDATABASE %I RESET ALL', found.role, current_database());
    END LOOP;

    FOR found IN
        SELECT n.nspname AS name
        FROM pg_namespace AS n
        WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public', 'sojourn')
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', found.name);
    END LOOP;

    -- CASCADE: a trigger of the log that calls a test's function goes with the function.
    FOR found IN
        SELECT o.type, o.identity
        FROM pg_depend AS d CROSS JOIN pg_identify_object(d.classid, d.objid, 0) AS o
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'public'::regnamespace AND d.deptype = 'n'
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.type, found.identity);
    END LOOP;
END
$$;
