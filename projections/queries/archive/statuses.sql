-- Return the statuses of every stored lifecycle, for readers of an archive without the database.
SELECT
    s.lifecycle, s.lifecycle_version, s.entity_kind, s.status, s.terminal, s.failure, s.waiting, s.running, s.cancelled
FROM sojourn.lifecycle_status AS s
ORDER BY 1, 2, 3, 4;
