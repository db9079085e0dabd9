-- Store the commands of an archive again, but for ids that have come again meanwhile.
INSERT INTO sojourn.command (command_id, request, response, recorded_at)
SELECT a.command_id, a.request, a.response, a.recorded_at
FROM pg_temp.archived_command AS a
ON CONFLICT DO NOTHING;
