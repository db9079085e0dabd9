SELECT t.* FROM sojourn.time_in_status_histogram(%(kind)s, %(by)s, %(workflow_id)s, %(terminal)s) AS t;
