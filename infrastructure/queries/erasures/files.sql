-- Return the folders and files of the archive that have any workflow, or one.
SELECT DISTINCT a.folder, a.file
FROM sojourn.archived_workflow AS a
WHERE %(workflow_id)s::text IS NULL OR a.workflow_id = %(workflow_id)s
ORDER BY 1, 2;
