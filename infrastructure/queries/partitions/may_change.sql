-- Return whether this user has the rights of the owner of the log.
SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class AS c WHERE c.oid = 'sojourn.stored_event'::regclass;
