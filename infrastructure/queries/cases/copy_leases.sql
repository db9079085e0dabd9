-- Copy the leases of a case.
COPY sojourn.lease (holder, workflow_id, begun_at, heartbeat_at, report_by) FROM STDIN
