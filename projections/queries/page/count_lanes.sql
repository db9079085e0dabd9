-- Count a workflow's entities of a kind that had begun, in an index of beginnings.
SELECT count(*)
FROM sojourn.transition AS b
WHERE
    b.workflow_id = %(workflow_id)s AND b.entity_kind = %(kind)s AND b.version = 1
    AND b.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity');
