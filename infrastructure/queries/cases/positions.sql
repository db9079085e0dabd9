-- Return the positions of the events of a case, in order.
SELECT e.position
FROM sojourn.stored_event AS e
WHERE e.workflow_id = %(workflow_id)s OR (e.entity_kind = 'runner' AND e.entity_id = ANY (ARRAY(SELECT sojourn.id_of(r) FROM unnest(%(runners)s::text[]) AS r)))
ORDER BY e.position;
