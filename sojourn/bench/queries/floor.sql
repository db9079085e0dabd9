-- Create the floor: the same tables without a trigger, and a function that writes one transition of an instance and its
-- task and decides nothing.
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.event (LIKE sojourn.event INCLUDING ALL);
CREATE SEQUENCE floor.event_position;
ALTER TABLE floor.event ALTER COLUMN position SET DEFAULT nextval('floor.event_position');
CREATE TABLE floor.task (LIKE sojourn.task INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE floor.task_instance (LIKE sojourn.task_instance INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE floor.transition (LIKE sojourn.transition INCLUDING ALL);

CREATE FUNCTION floor.step(instance_id text, instance_status text, task_status text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    i        floor.task_instance;
    t        floor.task;
    moment   timestamptz;
    first    bigint;
    second   bigint;
    somebody jsonb := '{"component": "bench", "host": "localhost", "pid": 12345, "user": "bench"}';
BEGIN
    SELECT * INTO i FROM floor.task_instance WHERE task_instance_id = instance_id FOR NO KEY UPDATE NOWAIT;
    SELECT * INTO t FROM floor.task WHERE task_id = i.task_id FOR NO KEY UPDATE NOWAIT;
    moment := clock_timestamp();
    INSERT INTO floor.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
    VALUES (
        'task_instance:' || instance_id, i.version + 1, 'task_instance.transitioned.v1', i.workflow_id, moment, moment,
        jsonb_build_object(
            'status', instance_status, 'actor', somebody, 'task_id', i.task_id, 'previous_status', i.status,
            'reported', instance_status
        )
    ) RETURNING position INTO first;
    INSERT INTO floor.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
    VALUES (
        'task:' || i.task_id, t.version + 1, 'task.transitioned.v1', i.workflow_id, moment, moment,
        jsonb_build_object(
            'status', task_status, 'actor', somebody, 'cause', 'task_instance:' || instance_id || '@' || i.version + 1,
            'num_attempts', t.num_attempts, 'previous_status', t.status
        )
    ) RETURNING position INTO second;
    INSERT INTO floor.transition (
        position, entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, entered_at, reported,
        actor, num_attempts
    )
    VALUES
        (
            first, 'task_instance', instance_id, i.version + 1, i.task_id, i.workflow_id, i.status, instance_status,
            moment, instance_status, 'bench', NULL
        ),
        (
            second, 'task', i.task_id, t.version + 1, i.task_id, i.workflow_id, t.status, task_status, moment, NULL,
            'bench', t.num_attempts
        );
    UPDATE floor.task_instance SET status = instance_status, entered_at = moment, version = version + 1
    WHERE task_instance_id = instance_id;
    UPDATE floor.task SET status = task_status, entered_at = moment, version = version + 1 WHERE task_id = i.task_id;
END
$$;
