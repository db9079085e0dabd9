-- Return the intervals with their details.
SELECT s.*
FROM sojourn.status_interval_detail AS s
WHERE %(workflow_id)s::text IS NULL OR s.workflow_id = %(workflow_id)s
ORDER BY {order};
