-- Return the positions of the events of a case, in order.
SELECT e.position
FROM sojourn.event AS e
WHERE e.workflow_id = %(workflow_id)s OR e.stream = ANY (%(runners)s)
ORDER BY e.position;
