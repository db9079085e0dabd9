-- Move the events that the session has copied into the log, by their positions.
WITH copied AS (
    DELETE FROM pg_temp.archived_event AS a RETURNING a.*
)
INSERT INTO sojourn.stored_event
SELECT s.*
FROM copied AS c CROSS JOIN LATERAL sojourn.store_event(ROW(c.*)::sojourn.event) AS s
ORDER BY s.position;
