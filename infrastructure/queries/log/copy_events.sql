-- Copy events into the log in binary, which is three times as fast as in text.
COPY sojourn.event (stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
FROM STDIN (FORMAT BINARY)
