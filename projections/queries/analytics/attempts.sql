-- Return the attempts at tasks by group.
SELECT a.* FROM sojourn.attempts(%(by)s, %(workflow_id)s) AS a;
