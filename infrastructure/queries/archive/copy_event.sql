-- Copy events that were read from an archive.
COPY {table} (position, stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data) FROM STDIN
