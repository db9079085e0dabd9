-- Lock a command id until this transaction ends, so that nobody else carries the command out meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('sojourn.command:' || %s, 0));
