-- Let nobody else change the schema until this transaction ends.
SELECT pg_advisory_xact_lock(%s);
