-- Return the entities of some events, the statuses that they entered, and when.
SELECT e.position, e.stream, e.data ->> 'status' AS status, e.entered_at
FROM sojourn.event AS e
WHERE e.position = ANY (%(positions)s);
