-- Return the intervals of tasks or task instances in the order in which statuses were entered.
SELECT
    i.entity_id, i.task_id, i.workflow_id, i.previous_status, i.status AS new_status, i.entered_at, i.exited_at,
    i.seconds AS duration_seconds
FROM transition_interval AS i
WHERE i.entity_kind = $kind AND ($workflow_id IS NULL OR i.workflow_id = $workflow_id)
ORDER BY i.entered_at, i.position
