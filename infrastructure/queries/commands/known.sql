-- Return the command ids that exist.
SELECT c.command_id FROM sojourn.command AS c WHERE c.command_id = ANY (%s);
