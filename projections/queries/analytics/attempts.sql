-- Return the attempts at tasks by group.
SELECT a.* FROM sojourn.count_attempts(%(by)s, %(workflow_id)s) AS a;
