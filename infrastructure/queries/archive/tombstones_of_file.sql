-- Return the tombstones of the workflows that a file of an archive has.
SELECT a.workflow_id, a.unit, a.folder, a.file, a.events, a.digest, a.archived_at
FROM sojourn.archived_workflow AS a
WHERE a.file = %s
ORDER BY a.workflow_id;
