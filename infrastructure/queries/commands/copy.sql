-- Copy commands with their answers.
COPY sojourn.command (command_id, request, response) FROM STDIN
