-- Return the events of tasks and task instances that are in the log, for a reader of the archive.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data::text
FROM sojourn.event AS e
WHERE (e.stream >= 'task:' AND e.stream < 'task;') OR (e.stream >= 'task_instance:' AND e.stream < 'task_instance;');
