-- Append what was decided about a task, an instance, or both, unless the log has moved on since.
-- Locks the instance before the task and does not wait (55P03), nor for a command id. SJ001: a version has changed, or a
-- column of what the caller remembers without having read it, so the caller decides again. A command id that exists is a
-- unique violation (23505), because its first answer stands. SJ003: the database's clock is before `not_before`.
--
-- batch: {"task_instance_id", "task_instance_version", "task_id", "task_version", "instances", "not_before",
--         "known_task": [value, ...], "known_instance": [value, ...],
--         "command_id", "request", "response",
--         "events": [{column of sojourn.stored_event: value, ...}, ...]}
CREATE OR REPLACE FUNCTION sojourn.append(batch jsonb) RETURNS timestamptz
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    instance record;
    task     record;
    moment   timestamptz;
BEGIN
    -- A database that was restored, or a standby that took over, may have other events at the same versions, so what is
    -- only remembered is compared as a whole. In one array, that costs a third of comparing column by column.
    SELECT
        i.version, i.entered_at,
        batch -> 'known_instance' <> jsonb_build_array(
            i.task_id, i.workflow_id, i.ordinal, i.status, i.entered_at, i.report_by_date, i.distributor_id,
            i.array_id, i.batch_number, i.step
        ) AS differs
    INTO instance
    FROM sojourn.task_instance AS i
    WHERE i.task_instance_id = batch ->> 'task_instance_id'
    FOR NO KEY UPDATE NOWAIT;

    SELECT
        t.version, t.instances, t.entered_at,
        batch -> 'known_task' <> jsonb_build_array(
            t.workflow_id, t.lifecycle, t.lifecycle_version, t.max_attempts, t.template, t.array_id, t.status,
            t.num_attempts, t.entered_at, t.owner, t.state, t.attributes, t.parent_id
        ) AS differs
    INTO task
    FROM sojourn.task AS t
    WHERE t.task_id = batch ->> 'task_id'
    FOR NO KEY UPDATE NOWAIT;

    IF instance.version IS DISTINCT FROM (batch ->> 'task_instance_version')::integer
        OR task.version IS DISTINCT FROM (batch ->> 'task_version')::integer
        OR task.instances IS DISTINCT FROM (batch ->> 'instances')::integer
        OR instance.differs OR task.differs
    THEN
        RAISE EXCEPTION 'the log has moved on' USING ERRCODE = 'SJ001';
    END IF;

    IF batch ? 'command_id' THEN
        PERFORM sojourn.lock_command(batch ->> 'command_id');
        INSERT INTO sojourn.command (command_id, request, response)
        VALUES (batch ->> 'command_id', batch ->> 'request', batch -> 'response');
    END IF;

    moment := clock_timestamp();
    IF moment < (batch ->> 'not_before')::timestamptz THEN
        RAISE EXCEPTION 'the events occur in the future'
            USING ERRCODE = 'SJ003', DETAIL = to_json(moment) #>> '{}';
    END IF;

    IF batch #> '{events,0}' ? 'stream' THEN
        -- A service of before migration 0021 sends each event with its stream, its name and its JSON.
        INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
        SELECT
            e.stream, e.version, e.name, e.workflow_id, moment, e.occurred_at,
            CASE
                WHEN e.data ? 'previous_status' THEN greatest(coalesce(e.occurred_at, moment), before.entered_at)
                ELSE before.entered_at
            END,
            e.data
        FROM
            jsonb_to_recordset(batch -> 'events') AS e (
                stream text, version integer, name text, workflow_id text, occurred_at timestamptz, data jsonb
            ),
            LATERAL (
                SELECT CASE WHEN starts_with(e.stream, 'task:') THEN task.entered_at ELSE instance.entered_at END
            ) AS before (entered_at);
        RETURN moment;
    END IF;

    INSERT INTO sojourn.stored_event (
        entered_at, recorded_at, occurred_at, report_by_date, version, num_attempts, ordinal, actor_pid, entity_kind,
        entity_id, workflow_id, status, previous_status, task_id, actor, reported, rule, event_type, cause, actor_host,
        actor_user, reason, owner, runner_id, command_id, distributor_id, rest
    )
    SELECT
        CASE
            WHEN e.event ? 'previous_status' THEN greatest(coalesce(e.occurred_at, moment), before.entered_at)
            ELSE before.entered_at
        END,
        moment, e.occurred_at,
        (e.event ->> 'report_by_date')::timestamptz, (e.event ->> 'version')::integer,
        (e.event ->> 'num_attempts')::integer, (e.event ->> 'ordinal')::integer, (e.event ->> 'actor_pid')::integer,
        e.event ->> 'entity_kind', e.event ->> 'entity_id', e.event ->> 'workflow_id', e.event ->> 'status',
        e.event ->> 'previous_status', e.event ->> 'task_id', e.event ->> 'actor', e.event ->> 'reported',
        e.event ->> 'rule', e.event ->> 'event_type', e.event ->> 'cause', e.event ->> 'actor_host',
        e.event ->> 'actor_user', e.event ->> 'reason', e.event ->> 'owner', e.event ->> 'runner_id',
        e.event ->> 'command_id', e.event ->> 'distributor_id',
        e.event -> 'rest'
    FROM
        (
            SELECT v.event, (v.event ->> 'occurred_at')::timestamptz
            FROM jsonb_array_elements(batch -> 'events') AS v (event)
        ) AS e (event, occurred_at),
        LATERAL (
            SELECT CASE WHEN e.event ->> 'entity_kind' = 'task' THEN task.entered_at ELSE instance.entered_at END
        ) AS before (entered_at);
    RETURN moment;
END
$$;
