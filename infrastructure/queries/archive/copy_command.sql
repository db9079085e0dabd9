-- Copy commands that were read from an archive.
COPY {table} (command_id, request, response, recorded_at) FROM STDIN
