-- Create the session's tables for the rows of an archive's file that an erasure changes.
CREATE TEMPORARY TABLE archived_event (LIKE sojourn.event);
CREATE TEMPORARY TABLE archived_runner (LIKE sojourn.event);
CREATE TEMPORARY TABLE archived_command (LIKE sojourn.command, workflow_id text COLLATE "C" NOT NULL);
