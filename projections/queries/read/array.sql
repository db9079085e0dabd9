-- Return an array.
SELECT
    a.array_id, a.workflow_id, a.task_template_version_id, a.name, a.max_concurrently_running, a.last_batch, a.version,
    a.entered_at
FROM sojourn.array AS a
WHERE a.array_id = %s;
