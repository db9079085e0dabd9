-- Return what keeps tasks from starting, of a workflow or of all.
SELECT b.cause, b.status, b.since, b.reason, b.owner, b.workflow_id, b.blocked, b.examples
FROM sojourn.blocked(%(workflow_id)s) AS b
LIMIT %(limit)s;
