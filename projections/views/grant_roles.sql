-- Grant the roles of Sojourn what they lack, as sojourn.missing_grant describes.
-- Grants that exist are left alone, so that a rebuild need not write here.
CREATE OR REPLACE FUNCTION sojourn.grant_roles() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing record;
BEGIN
    FOR missing IN SELECT m.statement FROM sojourn.missing_grant AS m LOOP
        EXECUTE missing.statement;
    END LOOP;
END
$$;

COMMENT ON FUNCTION sojourn.grant_roles IS
    'Lets the roles sojourn_reader and sojourn_writer, where they exist, use what this schema has for them.';

-- The name of version 0.1, kept for one version.
CREATE OR REPLACE FUNCTION sojourn.grant_reader() RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sojourn.grant_roles()
$$;

COMMENT ON FUNCTION sojourn.grant_reader IS 'The old name of sojourn.grant_roles.';

SELECT sojourn.grant_roles();
