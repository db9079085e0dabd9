-- Return the events of a workflow after a position.
SELECT e.*
FROM sojourn.logged_event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND e.workflow_id = %(workflow_id)s
ORDER BY e.position
LIMIT %(limit)s;
