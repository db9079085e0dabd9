-- Return the status of an array.
SELECT e.status, e.entered_at, NULL, (e.rest ->> 'batch_number')::integer, e.version
FROM sojourn.stored_event AS e
WHERE
    e.entity_kind = 'array' AND e.entity_id = %s::text
    AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at) <= coalesce((SELECT sojourn.as_of()), 'infinity')
ORDER BY e.version DESC
LIMIT 1;
