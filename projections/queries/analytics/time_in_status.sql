-- Return how long entities stay in each status.
SELECT t.*
FROM sojourn.measure_time_in_status(%(kind)s, %(by)s, %(workflow_id)s, %(terminal)s, %(exact)s) AS t;
