-- Return the oldest transaction that is still running.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
