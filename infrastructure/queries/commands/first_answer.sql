SELECT c.request, c.response FROM sojourn.command AS c WHERE c.command_id = %s;
