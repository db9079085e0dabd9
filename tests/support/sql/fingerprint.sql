-- One text that changes with everything that a test could change about the schema and the database, but not with rows.
-- A copy of a database has the object ids and row versions of its template, so equal texts mean an untouched schema.
WITH
relation AS (
    SELECT c.*
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('sojourn', 'public')
),
item (line) AS (
    SELECT concat_ws(' ', 'relation', oid, relname, relkind, relowner, relacl, reloptions, relpersistence, relreplident)
    FROM relation
    UNION ALL
    SELECT concat_ws(' ', 'column', attrelid, attnum, xmin) FROM pg_attribute
    WHERE attrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'default', oid, xmin) FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'index', indexrelid, xmin) FROM pg_index WHERE indrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'trigger', oid, xmin) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'rule', oid, xmin) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'sequence', seqrelid, xmin) FROM pg_sequence WHERE seqrelid IN (SELECT oid FROM relation)
    UNION ALL
    SELECT concat_ws(' ', 'type', oid, xmin) FROM pg_type WHERE typnamespace = 'sojourn'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE pronamespace = 'sojourn'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'schema', oid, xmin) FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast_temp)_'
    UNION ALL
    SELECT concat_ws(' ', 'extension', oid, xmin) FROM pg_extension
    UNION ALL
    SELECT concat_ws(' ', 'privileges', oid, xmin) FROM pg_default_acl
    UNION ALL
    SELECT concat_ws(' ', 'database', datdba, datacl, datconnlimit) FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT concat_ws(' ', 'migration', m) FROM sojourn.migration AS m
)
SELECT md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")) FROM item;
