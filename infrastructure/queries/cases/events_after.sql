-- The events of a workflow, and of the runners that its tasks belonged to, which are of none.
SELECT e.*
FROM sojourn.logged_event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND (e.workflow_id = %(workflow_id)s OR e.stream = ANY (%(runners)s))
ORDER BY e.position
LIMIT %(limit)s;
