-- Return whether this is a standby, the synchronous standbys that are named, and how many are connected.
-- The last is NULL for a user who may not see that.
SELECT
    pg_is_in_recovery(),
    current_setting('synchronous_standby_names'),
    CASE
        WHEN pg_has_role('pg_read_all_stats', 'USAGE')
            THEN (SELECT count(*) FROM pg_stat_replication AS r WHERE r.sync_state IN ('sync', 'quorum'))
    END,
    current_setting('wal_level');
