-- Return when a workflow began and ended, and its tasks by status.
SELECT s.* FROM sojourn.workflow_span(%(workflow_id)s, %(at)s::timestamptz) AS s;
