-- Return the number of intervals in each status by their length.
SELECT t.* FROM sojourn.time_in_status_histogram(%(kind)s, %(by)s, %(workflow_id)s, %(terminal)s) AS t;
