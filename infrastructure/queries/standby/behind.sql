-- Return for how many seconds a standby lacks what its primary has at most, or NULL where the server is no standby.
-- One that has replayed everything it was sent is behind by what is on its way.
SELECT CASE
    WHEN NOT pg_is_in_recovery() THEN NULL
    WHEN
        pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
        AND EXISTS (SELECT FROM pg_stat_wal_receiver AS r)
        THEN 0
    ELSE
        greatest(
            extract(
                epoch FROM clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())
            ),
            0
        )
END::double precision;
