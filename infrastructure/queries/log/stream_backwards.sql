SELECT
    e.stream, e.version, e.name, e.data::text, e.position, e.workflow_id, e.occurred_at, e.recorded_at, e.entered_at
FROM sojourn.event AS e
WHERE
    e.stream = %(stream)s
    AND e.version > coalesce(%(gt)s, 0)
    AND e.version <= coalesce(%(lte)s, 2147483647)
ORDER BY e.version DESC
LIMIT %(limit)s;
