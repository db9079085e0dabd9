-- Return the statuses that were ever entered.
SELECT DISTINCT t.entity_kind, t.status
FROM sojourn.transition AS t
WHERE %(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s
ORDER BY 1, 2;
