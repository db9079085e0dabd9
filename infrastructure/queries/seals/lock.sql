-- Let one transaction at a time seal.
SELECT pg_advisory_xact_lock(%s);
