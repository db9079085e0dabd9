-- Return the commands of an archive's file after an erasure, in the order of the file.
SELECT c.command_id, c.request, c.response::text, c.recorded_at, c.workflow_id
FROM pg_temp.archived_command AS c
ORDER BY c.workflow_id, c.command_id;
