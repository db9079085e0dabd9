-- Create the floor: the same tables without a trigger, and a function that writes one transition of an instance and its
-- task and decides nothing.
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.event (LIKE sojourn.stored_event INCLUDING ALL);
CREATE SEQUENCE floor.event_position;
ALTER TABLE floor.event ALTER COLUMN position SET DEFAULT nextval('floor.event_position');
CREATE TABLE floor.task (LIKE sojourn.task INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE floor.task_instance (LIKE sojourn.task_instance INCLUDING ALL) WITH (fillfactor = 80);
ALTER TABLE floor.event ADD UNIQUE (entity_kind, entity_id, version);

CREATE FUNCTION floor.step(instance_id text, instance_status text, task_status text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    i        floor.task_instance;
    t        floor.task;
    moment   timestamptz;
BEGIN
    SELECT * INTO i FROM floor.task_instance WHERE task_instance_id = instance_id FOR NO KEY UPDATE NOWAIT;
    SELECT * INTO t FROM floor.task WHERE task_id = i.task_id FOR NO KEY UPDATE NOWAIT;
    moment := clock_timestamp();
    INSERT INTO floor.event (
        entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, recorded_at, entered_at, reported,
        actor, actor_host, actor_pid, actor_user, cause, num_attempts
    )
    VALUES
        (
            'task_instance', instance_id, i.version + 1, i.task_id, i.workflow_id, i.status, instance_status,
            moment, moment, instance_status, 'bench', 'localhost', 12345, 'bench', NULL, NULL
        ),
        (
            'task', i.task_id, t.version + 1, NULL, i.workflow_id, t.status, task_status, moment, moment, NULL,
            'bench', 'localhost', 12345, 'bench', instance_id || '@' || i.version + 1, t.num_attempts
        );
    UPDATE floor.task_instance SET status = instance_status, entered_at = moment, version = version + 1
    WHERE task_instance_id = instance_id;
    UPDATE floor.task SET status = task_status, entered_at = moment, version = version + 1 WHERE task_id = i.task_id;
END
$$;
