-- Let other sessions see what this transaction sees.
SELECT pg_export_snapshot();
