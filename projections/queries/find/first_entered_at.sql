-- Return when the first of some entities began.
SELECT min(b.entered_at)
FROM (
    SELECT t.entity_kind AS kind, t.entity_id AS id, t.workflow_id, t.entered_at
    FROM sojourn.transition AS t
    WHERE t.entity_kind = %(kind)s AND t.version = 1
    UNION ALL
    SELECT 'array', a.array_id, a.workflow_id, a.entered_at
    FROM sojourn.array AS a
    WHERE %(kind)s = 'array'
    UNION ALL
    SELECT 'runner', substr(l.holder, 8), l.workflow_id, l.begun_at
    FROM sojourn.lease AS l
    WHERE %(kind)s = 'runner' AND starts_with(l.holder, 'runner:')
) AS b
WHERE
    (%(id)s::text IS NULL OR b.id = %(id)s)
    AND (%(workflow_id)s::text IS NULL OR b.workflow_id = %(workflow_id)s);
