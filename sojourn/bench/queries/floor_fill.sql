-- Fill the bare tables with what the projected ones have.
TRUNCATE floor.event, floor.task, floor.task_instance;
INSERT INTO floor.event SELECT * FROM sojourn.stored_event ORDER BY position;
SELECT setval('floor.event_position', (SELECT max(position) FROM floor.event));
INSERT INTO floor.task SELECT * FROM sojourn.task ORDER BY task_id;
INSERT INTO floor.task_instance SELECT * FROM sojourn.task_instance ORDER BY task_instance_id;
ANALYZE floor.event, floor.task, floor.task_instance;
