-- A transaction id of this statement's own, higher than the id of every transaction that owns one already.
SELECT pg_current_xact_id()::text::bigint;
