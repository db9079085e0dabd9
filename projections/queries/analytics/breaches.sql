-- Return the intervals over their limit.
SELECT b.* FROM sojourn.breaches(%(limits)s, %(workflow_id)s) AS b WHERE b.open OR NOT %(only_open)s;
