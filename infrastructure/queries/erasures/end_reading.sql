-- Drop the session's tables of an archive's file.
DROP TABLE IF EXISTS pg_temp.archived_event, pg_temp.archived_runner, pg_temp.archived_command;
