-- Return for each table its live and dead rows, those that changed since the last ANALYZE, and whether there was one.
SELECT
    s.relname, s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze,
    coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL
FROM pg_stat_user_tables AS s
WHERE s.schemaname = 'sojourn'
ORDER BY s.n_dead_tup DESC, s.relname;
