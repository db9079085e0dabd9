-- Create the view of tasks with what they were registered with.
CREATE OR REPLACE TEMPORARY VIEW task AS
SELECT i.task_id, i.lifecycle, i.lifecycle_version, i.template
FROM logged_interval AS i
WHERE i.entity_kind = 'task' AND i.version = 1
