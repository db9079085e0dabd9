-- Return how long entities stay in each status.
SELECT t.* FROM sojourn.time_in_status(%(kind)s, %(by)s, %(workflow_id)s, %(terminal)s) AS t;
