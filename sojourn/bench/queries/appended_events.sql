-- Return the events after a position.
SELECT
    e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data::text
FROM sojourn.event AS e
WHERE e.position > %s
ORDER BY e.position;
