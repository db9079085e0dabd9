-- Take a transaction id for this statement, higher than that of every transaction that owns one already.
SELECT pg_current_xact_id()::text::bigint;
