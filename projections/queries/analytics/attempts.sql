SELECT a.* FROM sojourn.attempts(%(by)s, %(workflow_id)s) AS a;
