-- Who may read the views, and nothing else. Roles belong to the whole server: another database may have made it before,
-- or may be making it now; and whoever sets this database up need not be one who may.
DO $$
BEGIN
    IF to_regrole('sojourn_reader') IS NULL THEN
        CREATE ROLE sojourn_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE WARNING '%', 'this user may not create the role sojourn_reader, which reads the views and nothing else; '
            'let a superuser run here: CREATE ROLE sojourn_reader NOLOGIN; SELECT sojourn.grant_reader();';
END
$$;
