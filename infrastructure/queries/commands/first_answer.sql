-- Return the request and the first answer of a command id.
SELECT c.request, c.response FROM sojourn.command AS c WHERE c.command_id = %s;
