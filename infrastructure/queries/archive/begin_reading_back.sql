-- Create the session's tables for the rows that are read back from an archive's file.
CREATE TEMPORARY TABLE archived_event (LIKE sojourn.event) ON COMMIT DROP;
CREATE TEMPORARY TABLE archived_command (LIKE sojourn.command) ON COMMIT DROP;
CREATE TEMPORARY TABLE archived_lease (LIKE sojourn.lease) ON COMMIT DROP;
