COPY sojourn.command (command_id, request, response) FROM STDIN
