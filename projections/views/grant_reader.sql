-- Grant sojourn_reader every view, and every function that only reads.
-- Views read with the rights of their owner and functions with those of their caller, so a function that writes or
-- reads a table is of no use to a reader. Grants that exist are left alone, so that a rebuild need not write here.
CREATE OR REPLACE FUNCTION sojourn.grant_reader() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    IF to_regrole('sojourn_reader') IS NULL THEN
        RETURN;
    END IF;
    IF NOT has_schema_privilege('sojourn_reader', 'sojourn', 'USAGE') THEN
        GRANT USAGE ON SCHEMA sojourn TO sojourn_reader;
    END IF;
    FOR granted IN
        SELECT format('SELECT ON %s', c.oid::regclass) AS privilege
        FROM pg_class AS c
        WHERE
            c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'v'
            AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)
            AND NOT has_table_privilege('sojourn_reader', c.oid, 'SELECT')
        UNION ALL
        SELECT format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE
            p.pronamespace = 'sojourn'::regnamespace AND p.prokind = 'f' AND p.provolatile <> 'v'
            AND NOT has_function_privilege('sojourn_reader', p.oid, 'EXECUTE')
    LOOP
        EXECUTE 'GRANT ' || granted.privilege || ' TO sojourn_reader';
    END LOOP;
END
$$;

COMMENT ON FUNCTION sojourn.grant_reader IS
    'Lets the role sojourn_reader, where there is one, read every view of this schema and call every function that '
    'only reads.';

SELECT sojourn.grant_reader();
