-- Copy leases that were read from an archive.
COPY {table} (holder, workflow_id, begun_at, heartbeat_at, report_by) FROM STDIN
