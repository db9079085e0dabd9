-- Return whether the log has grown by a fifth since its statistics were collected.
-- Autovacuum collects those of each partition, and never those of the whole, by which the planner joins.
SELECT
    coalesce(sum(greatest(part.reltuples, 0)), 0) > 1.2 * greatest(max(log.reltuples), 0)
FROM
    pg_class AS log
    JOIN pg_inherits AS i ON i.inhparent = log.oid
    JOIN pg_class AS part ON part.oid = i.inhrelid
WHERE log.oid = 'sojourn.stored_event'::regclass;
