-- Return the tombstones of a workflow and of those that link to it.
SELECT a.workflow_id, a.unit, a.folder, a.file, a.events, a.digest, a.archived_at
FROM sojourn.archived_workflow AS a
WHERE a.unit = (SELECT w.unit FROM sojourn.archived_workflow AS w WHERE w.workflow_id = %s)
ORDER BY a.workflow_id;
