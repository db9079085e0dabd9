-- Return the status of an array.
SELECT e.data ->> 'status', e.entered_at, NULL, (e.data ->> 'batch_number')::integer, e.version
FROM sojourn.event AS e
WHERE
    e.stream = 'array:' || %s::text
    AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at) <= coalesce((SELECT sojourn.as_of()), 'infinity')
ORDER BY e.version DESC
LIMIT 1;
