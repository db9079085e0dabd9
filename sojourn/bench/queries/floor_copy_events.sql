-- Copy events into the bare table.
COPY floor.event (stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data) FROM STDIN
