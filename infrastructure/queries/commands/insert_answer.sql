-- Store the first answer of a command id.
INSERT INTO sojourn.command (command_id, request, response) VALUES (%s, %s, %s);
