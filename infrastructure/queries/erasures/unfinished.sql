-- Return the number of an erasure of that actor which has not ended.
SELECT e.number
FROM sojourn.erasure AS e
WHERE e.actor = %(actor)s AND e.workflow_id IS NOT DISTINCT FROM %(workflow_id)s AND e.ended_at IS NULL;
