-- Return arrays in an order, such as the newest change first.
SELECT
    'array:' || a.array_id AS entity, a.workflow_id, a.task_template_version_id, a.name, a.max_concurrently_running,
    a.last_batch AS batches, a.entered_at AS since
FROM sojourn.array AS a
WHERE
    (%(workflow_id)s::text IS NULL OR a.workflow_id = %(workflow_id)s)
    AND (%(since)s::timestamptz IS NULL OR a.entered_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR a.entered_at < %(until)s)
    AND (
        %(after_at)s::{type} IS NULL OR {key} {beyond} %(after_at)s::{type}
        OR ({key} = %(after_at)s::{type} AND a.array_id > %(after_id)s)
    )
ORDER BY {key} {direction}, a.array_id
LIMIT %(limit)s;
