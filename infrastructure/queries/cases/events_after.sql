-- The events of a workflow, and of the runners that its tasks belonged to, which are of none.
SELECT
    e.stream, e.version, e.name, e.data::text, e.position, e.workflow_id, e.occurred_at, e.recorded_at, e.entered_at
FROM sojourn.event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND (e.workflow_id = %(workflow_id)s OR e.stream = ANY (%(runners)s))
ORDER BY e.position
LIMIT %(limit)s;
