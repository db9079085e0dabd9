-- Return when the log's first event was effective, and the position of its last one.
SELECT
    (SELECT e.entered_at FROM sojourn.stored_event AS e ORDER BY e.position LIMIT 1),
    (SELECT max(e.position) FROM sojourn.stored_event AS e);
