-- Return how long tasks waited and ran.
SELECT q.* FROM sojourn.queue_wait(%(by)s, %(per)s, %(workflow_id)s, %(since)s::timestamptz, %(until)s::timestamptz) AS q;
