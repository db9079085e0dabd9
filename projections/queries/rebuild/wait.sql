-- Add what entities waited for between two positions to the rebuilt table.
INSERT INTO sojourn_rebuild.wait
SELECT p.*
FROM sojourn.stored_event AS e CROSS JOIN LATERAL sojourn.project_wait(e) AS p
WHERE e.position > %(after)s AND e.position <= %(max_position)s AND e.rest ? 'waits_for';
