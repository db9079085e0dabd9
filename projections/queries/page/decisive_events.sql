-- Return the entities of some events, the statuses that they entered, and when.
SELECT e.position, sojourn.event_stream(e) AS stream, e.status, e.entered_at
FROM sojourn.stored_event AS e
WHERE e.position = ANY (%(positions)s);
