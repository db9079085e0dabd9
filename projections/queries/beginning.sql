SELECT min(t.entered_at)
FROM sojourn.transition AS t
WHERE
    t.entity_kind = %(kind)s
    AND t.version = 1
    AND (%(id)s::text IS NULL OR t.entity_id = %(id)s)
    AND (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s);
