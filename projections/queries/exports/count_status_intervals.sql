-- Count the intervals of a workflow, or all.
SELECT count(*)
FROM sojourn.transition AS t
WHERE %(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s;
