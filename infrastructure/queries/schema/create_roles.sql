-- Create the roles that this database grants rights to, and warn where the user may not.
-- Roles belong to the whole server: another database may have made one before, or may be making it now.
DO $$
DECLARE
    wanted  text;
    missing text[] := '{}';
BEGIN
    FOREACH wanted IN ARRAY ARRAY['sojourn_reader', 'sojourn_writer'] LOOP
        BEGIN
            IF to_regrole(wanted) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                missing := missing || wanted;
        END;
    END LOOP;
    IF missing <> '{}' THEN
        RAISE WARNING '%', format(
            'this user may not create the role %s, which docs/operations.md describes; let a superuser run here: %s '
            'SELECT sojourn.grant_roles();',
            array_to_string(missing, ' and the role '),
            (SELECT string_agg(format('CREATE ROLE %I NOLOGIN;', m), ' ') FROM unnest(missing) AS m)
        );
    END IF;
END
$$;
