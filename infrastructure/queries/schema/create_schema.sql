-- Create the schema, for sojourn_owner where that role was given this database and the user is one of its members.
DO $$
DECLARE
    owner text := current_user;
BEGIN
    IF EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = 'sojourn') THEN
        RETURN; -- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where it exists
    END IF;
    IF
        to_regrole('sojourn_owner') IS NOT NULL
        AND has_database_privilege('sojourn_owner', current_database(), 'CREATE')
        AND pg_has_role('sojourn_owner', 'USAGE')
    THEN
        owner := 'sojourn_owner';
    END IF;
    EXECUTE format('CREATE SCHEMA sojourn AUTHORIZATION %I', owner);
END
$$;
