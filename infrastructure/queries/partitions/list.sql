-- Return the partitions of the log in order, and whether each states an end that it has not got yet.
SELECT
    p.name::text, p.first, p.until,
    EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = p.name AND c.conname = 'event_ends')
FROM sojourn.event_partition AS p
ORDER BY p.first NULLS FIRST;
