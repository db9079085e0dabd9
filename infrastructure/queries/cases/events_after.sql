-- Return the events of a workflow, and of the runners of its tasks, after a position.
-- The events of runners belong to no workflow.
SELECT e.*
FROM sojourn.logged_event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND (e.workflow_id = %(workflow_id)s OR (e.entity_kind = 'runner' AND e.entity_id = ANY (ARRAY(SELECT sojourn.id_of(r) FROM unnest(%(runners)s::text[]) AS r))))
ORDER BY e.position
LIMIT %(limit)s;
