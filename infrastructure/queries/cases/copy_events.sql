-- Copy the events of a case into the log, with their positions.
COPY sojourn.event (position, stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
FROM STDIN
