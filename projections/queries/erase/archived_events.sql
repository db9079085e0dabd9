-- Return the events of an archive's file after an erasure, in the order of the file.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data::text
FROM pg_temp.archived_event AS e
ORDER BY e.workflow_id, e.position;
