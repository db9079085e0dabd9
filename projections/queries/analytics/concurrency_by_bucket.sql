-- Return how many entities were in a status at once, in each bucket of time.
SELECT c."group", c.bucket_at AS at, c.mean, c.most AS max
FROM sojourn.concurrency_by_bucket(%(kind)s, %(status)s, %(bucket)s, %(workflow_id)s, %(by)s) AS c;
