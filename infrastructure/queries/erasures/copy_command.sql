-- Copy commands, with their workflows, that were read from an archive.
COPY pg_temp.archived_command (command_id, request, response, recorded_at, workflow_id) FROM STDIN
