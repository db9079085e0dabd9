SELECT
    a.array_id, a.workflow_id, a.task_template_version_id, a.name, a.max_concurrently_running, a.last_batch,
    a.entered_at, a.version
FROM sojourn.array AS a;
