-- Update the status of tasks in the bare table.
UPDATE floor.task AS t
SET status = moved.status, entered_at = clock_timestamp(), version = version + 1
FROM unnest(%(ids)s::text[], %(statuses)s::text[]) AS moved (id, status)
WHERE t.task_id = moved.id;
