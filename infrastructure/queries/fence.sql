-- A transaction id of this statement's own: whoever owns one already has a lower one.
SELECT pg_current_xact_id()::text::bigint;
