-- Fill the bare tables with what the projected ones have.
TRUNCATE floor.event, floor.task, floor.task_instance, floor.transition;
INSERT INTO floor.event (position, stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
SELECT e.position, e.stream, e.version, e.name, e.workflow_id, e.recorded_at, e.occurred_at, e.entered_at, e.data
FROM sojourn.event AS e
ORDER BY e.position;
SELECT setval('floor.event_position', (SELECT max(position) FROM floor.event));
INSERT INTO floor.task SELECT * FROM sojourn.task ORDER BY task_id;
INSERT INTO floor.task_instance SELECT * FROM sojourn.task_instance ORDER BY task_instance_id;
INSERT INTO floor.transition SELECT * FROM sojourn.transition ORDER BY position;
ANALYZE floor.event, floor.task, floor.task_instance, floor.transition;
