-- Wait until no other transaction adds upstream tasks, because two that do not see each other could make a cycle.
SELECT pg_advisory_xact_lock(hashtextextended('sojourn.upstream', 0));
