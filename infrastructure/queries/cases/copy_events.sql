-- Copy the events of a case into a table of the session, with their positions.
COPY pg_temp.archived_event (position, stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
FROM STDIN
