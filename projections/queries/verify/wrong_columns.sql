-- Return the events after a position whose columns say something else than their JSON: only `rest` could say so.
SELECT e.position, sojourn.event_stream(e), f.key, f.value, to_jsonb(e) -> f.key
FROM
    sojourn.stored_event AS e
    CROSS JOIN LATERAL sojourn.store_event(ROW(
        e.position, sojourn.event_stream(e), e.version, sojourn.event_name(e), e.workflow_id, e.recorded_at, e.occurred_at,
        e.entered_at, sojourn.event_data(e), NULL, NULL, NULL
    )::sojourn.event) AS expected
    CROSS JOIN LATERAL jsonb_each(to_jsonb(expected)) AS f
WHERE
    (%(after)s = 0 OR e.position > %(after)s)
    AND sojourn.has_overridden(e)
    AND to_jsonb(e) -> f.key IS DISTINCT FROM f.value
ORDER BY e.position, f.key;
