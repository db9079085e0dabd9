-- Whoever else carries out a command of this id waits until this transaction has ended.
SELECT pg_advisory_xact_lock(hashtextextended('sojourn.command:' || %s, 0));
