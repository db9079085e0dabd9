-- The functions and views of version 0.1, before migration 0013, so that a test can upgrade a database of then.

-- The log is append-only for everybody, the owner of the tables included.
CREATE OR REPLACE FUNCTION sojourn.refuse_to_rewrite() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'SJ002', HINT = 'Append an event that says what is true now.';
END
$$;

CREATE OR REPLACE TRIGGER refuse_to_rewrite
    BEFORE UPDATE OR DELETE OR TRUNCATE ON sojourn.event
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.refuse_to_rewrite();

-- A writer owns a transaction id before it draws its first position. A reader that finds a position missing can then
-- tell from the oldest running transaction whether it is still to come or will never come.
CREATE OR REPLACE FUNCTION sojourn.own_transaction_id() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER own_transaction_id
    BEFORE INSERT ON sojourn.event
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.own_transaction_id();

-- Appends what was decided about one task, one of its instances, or both, if they are still as they were when it was
-- decided. Locks the instance before the task, without waiting (55P03); SJ001: the log has moved on, decide anew.
-- A command id that is there already is a unique violation (23505): its first answer stands.
--
-- batch: {"task_instance_id", "task_instance_version", "task_id", "task_version", "instances",
--         "command_id", "request", "response",
--         "events": [{"stream", "version", "name", "workflow_id", "occurred_at", "data"}, ...]}
CREATE OR REPLACE FUNCTION sojourn.append(batch jsonb) RETURNS timestamptz
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    instance record;
    task     record;
    moment   timestamptz;
BEGIN
    SELECT i.version, i.entered_at INTO instance
    FROM sojourn.task_instance AS i
    WHERE i.task_instance_id = batch ->> 'task_instance_id'
    FOR NO KEY UPDATE NOWAIT;

    SELECT t.version, t.instances, t.entered_at INTO task
    FROM sojourn.task AS t
    WHERE t.task_id = batch ->> 'task_id'
    FOR NO KEY UPDATE NOWAIT;

    IF instance.version IS DISTINCT FROM (batch ->> 'task_instance_version')::integer
        OR task.version IS DISTINCT FROM (batch ->> 'task_version')::integer
        OR task.instances IS DISTINCT FROM (batch ->> 'instances')::integer
    THEN
        RAISE EXCEPTION 'the log has moved on' USING ERRCODE = 'SJ001';
    END IF;

    IF batch ? 'command_id' THEN
        INSERT INTO sojourn.command (command_id, request, response)
        VALUES (batch ->> 'command_id', batch ->> 'request', batch -> 'response');
    END IF;

    moment := clock_timestamp();
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
END
$$;

-- Gives a run a slot of every tag, and answers with NULL; or of none, and answers with a tag that has none left.
-- Those who want slots of one tag take them one after the other: each waits for the transaction of the one before, for
-- a moment (55P03). They write the limits' rows, so that a REPEATABLE READ transaction that cannot see the holders
-- since its snapshot fails (40001) instead of counting them wrongly.
CREATE OR REPLACE FUNCTION sojourn.take_slots(run text, tags text[]) RETURNS text
LANGUAGE plpgsql
SET lock_timeout = '2s' AS $$
DECLARE
    without_slots text;
BEGIN
    PERFORM FROM sojourn.slot_limit AS l WHERE l.tag = ANY (tags) ORDER BY l.tag FOR NO KEY UPDATE;

    SELECT l.tag INTO without_slots
    FROM sojourn.slot_limit AS l
    WHERE
        l.tag = ANY (tags)
        AND l.slots <= (SELECT count(*) FROM sojourn.slot AS s WHERE s.tag = l.tag AND s.holder <> run)
    ORDER BY l.tag
    LIMIT 1;

    IF without_slots IS NULL THEN
        INSERT INTO sojourn.slot (tag, holder)
        SELECT DISTINCT w.tag, run FROM unnest(tags) AS w (tag)
        ON CONFLICT DO NOTHING;
        UPDATE sojourn.slot_limit AS l SET slots = l.slots WHERE l.tag = ANY (tags);
    END IF;
    RETURN without_slots;
END
$$;

-- What projections need of any event's data, typed. Inlined, so that each event is parsed once.
CREATE OR REPLACE FUNCTION sojourn.decode(data jsonb) RETURNS TABLE (
    previous_status text, status text, reported text, rule text, actor text, num_attempts integer,
    task_id text, report_by_date timestamptz, distributor_id text, owner text, state jsonb
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        d.previous_status, d.status, d.reported, d.rule, d.actor ->> 'component', d.num_attempts,
        d.task_id, d.report_by_date, d.distributor_id, d.owner, d.state
    FROM jsonb_to_record(data) AS d (
        previous_status text, status text, reported text, rule text, actor jsonb, num_attempts integer,
        task_id text, report_by_date timestamptz, distributor_id text, owner text, state jsonb
    )
$$;

COMMENT ON FUNCTION sojourn.decode IS 'What projections need of an event''s data, typed.';

-- Locks an array until the transaction ends, and says whether there is one. It waits for who holds it, for at most five
-- seconds (55P03): an array is locked before anything else, so that nobody waits for each other.
CREATE OR REPLACE FUNCTION sojourn.lock_array(wanted text) RETURNS boolean
LANGUAGE plpgsql
SET lock_timeout = '5s' AS $$
BEGIN
    PERFORM FROM sojourn.array AS a WHERE a.array_id = wanted FOR NO KEY UPDATE;
    RETURN FOUND;
END
$$;

-- Brings the current status and the transitions up to a set of events, in the transaction that appends them.
-- Whatever inserts into the log is projected: a single append, COPY, an import.
-- Plans are made for lookups by key whatever the statistics say: a new table has none yet.
CREATE OR REPLACE FUNCTION sojourn.project_appended() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM appended AS e WHERE e.version = 1 OR starts_with(e.stream, 'array:')) THEN
        INSERT INTO sojourn.task (
            task_id, workflow_id, lifecycle, lifecycle_version, template, array_id, max_attempts, num_attempts,
            status, entered_at, version, attributes
        )
        SELECT
            substr(e.stream, 6), e.workflow_id, e.data ->> 'lifecycle', (e.data ->> 'lifecycle_version')::integer,
            e.data ->> 'template', e.data ->> 'array_id', (e.data ->> 'max_attempts')::integer, d.num_attempts,
            d.status, e.entered_at, e.version, e.data -> 'attributes'
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
        WHERE e.name = 'task.registered.v1';

        INSERT INTO sojourn.task_instance (
            task_instance_id, task_id, workflow_id, ordinal, status, entered_at, report_by_date, distributor_id,
            version, array_id, batch_number, step
        )
        SELECT
            substr(e.stream, 15), d.task_id, e.workflow_id, (e.data ->> 'ordinal')::integer, d.status,
            e.entered_at, d.report_by_date, d.distributor_id, e.version, e.data ->> 'array_id',
            (e.data ->> 'batch_number')::integer, (e.data ->> 'step')::integer
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
        WHERE e.name = 'task_instance.created.v1';

        UPDATE sojourn.task AS t SET instances = newest.ordinal
        FROM (
            SELECT e.data ->> 'task_id' AS task_id, max((e.data ->> 'ordinal')::integer) AS ordinal
            FROM appended AS e
            WHERE e.name = 'task_instance.created.v1'
            GROUP BY e.data ->> 'task_id'
        ) AS newest
        WHERE t.task_id = newest.task_id;

        IF EXISTS (SELECT FROM appended AS e WHERE starts_with(e.stream, 'array:')) THEN
            INSERT INTO sojourn.array (
                array_id, workflow_id, task_template_version_id, name, max_concurrently_running, last_batch, entered_at,
                version
            )
            SELECT
                substr(e.stream, 7), e.workflow_id, e.data ->> 'task_template_version_id', e.data ->> 'array_name',
                (e.data ->> 'max_concurrently_running')::integer, (e.data ->> 'batch_number')::integer, e.entered_at,
                e.version
            FROM appended AS e
            WHERE e.name = 'array.bound.v1';

            UPDATE sojourn.array AS a
            SET
                max_concurrently_running = (e.data ->> 'max_concurrently_running')::integer,
                last_batch = (e.data ->> 'batch_number')::integer, version = e.version
            FROM (
                SELECT DISTINCT ON (n.stream) n.stream, n.version, n.data
                FROM appended AS n
                WHERE starts_with(n.stream, 'array:') AND n.version > 1
                ORDER BY n.stream, n.version DESC
            ) AS e
            WHERE a.array_id = substr(e.stream, 7);
        END IF;
    END IF;

    WITH decoded AS MATERIALIZED (
        SELECT
            e.position, split_part(e.stream, ':', 1) AS entity_kind,
            substr(e.stream, strpos(e.stream, ':') + 1) AS entity_id, e.version, e.workflow_id, e.entered_at, d.*
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
    ),
    entered AS (
        INSERT INTO sojourn.transition (
            position, entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, entered_at,
            reported, rule, actor, num_attempts, report_by_date
        )
        SELECT
            e.position, e.entity_kind, e.entity_id, e.version, coalesce(e.task_id, e.entity_id), e.workflow_id,
            e.previous_status, e.status, e.entered_at, e.reported, e.rule, e.actor, e.num_attempts,
            e.report_by_date
        FROM decoded AS e
        WHERE
            (e.previous_status IS NOT NULL OR e.version = 1)
            AND e.entity_kind IN ('task', 'task_instance')
    ),
    latest AS MATERIALIZED (
        SELECT DISTINCT ON (e.entity_kind, e.entity_id) e.*
        FROM decoded AS e
        WHERE e.version > 1
        ORDER BY e.entity_kind, e.entity_id, e.version DESC
    ),
    moved AS (
        UPDATE sojourn.task AS t
        SET
            status = e.status, num_attempts = e.num_attempts, entered_at = e.entered_at, version = e.version,
            owner = e.owner, state = e.state
        FROM latest AS e
        WHERE e.entity_kind = 'task' AND t.task_id = e.entity_id
    )
    UPDATE sojourn.task_instance AS i
    SET
        status = e.status, entered_at = e.entered_at, report_by_date = e.report_by_date,
        distributor_id = e.distributor_id, version = e.version
    FROM latest AS e
    WHERE e.entity_kind = 'task_instance' AND i.task_instance_id = e.entity_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER project_appended
    AFTER INSERT ON sojourn.event
    REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.project_appended();

-- The time that the session asks about (SET sojourn.as_of = '...'), or NULL for now. RESET leaves '' behind.
CREATE OR REPLACE FUNCTION sojourn.as_of() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('sojourn.as_of', true), '')::timestamptz
$$;

-- The same, with the time of the statement in the place of NULL.
CREATE OR REPLACE FUNCTION sojourn.moment() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(sojourn.as_of(), statement_timestamp())
$$;

COMMENT ON FUNCTION sojourn.as_of IS 'The time that the session asks about (SET sojourn.as_of), or NULL for now.';

COMMENT ON FUNCTION sojourn.moment IS 'The time that the session asks about, or that of the statement.';

-- The statuses of every lifecycle that a task is pinned to, read from its definition.
CREATE OR REPLACE VIEW sojourn.lifecycle_status AS
SELECT
    l.name AS lifecycle,
    l.version AS lifecycle_version,
    machine.key AS entity_kind,
    status.key AS status,
    machine.value::jsonb -> 'terminal' ? status.key AS terminal,
    machine.value::jsonb -> 'failures' ? status.key AS failure,
    coalesce(
        machine.value ->> 'initial' = status.key OR machine.value::jsonb -> 'available_for_run' ? status.key, false
    ) AS waiting,
    coalesce(machine.value::jsonb -> 'awaits_report' ? status.key, false) AS awaits_report,
    coalesce(machine.value::jsonb -> 'awaits_distributor' ? status.key, false) AS awaits_distributor,
    machine.key = 'task' AND EXISTS (
        SELECT FROM json_each(l.definition -> 'implies') AS implied
        WHERE
            implied.value ->> 'status' = status.key
            AND NOT (l.definition -> 'task_instance' -> 'terminal')::jsonb ? implied.key
    ) AS awaits_instance
FROM
    sojourn.lifecycle AS l
    CROSS JOIN LATERAL json_each(l.definition) AS machine
    CROSS JOIN LATERAL json_each(machine.value -> 'transitions') AS status
WHERE machine.key IN ('task', 'task_instance') AND json_typeof(machine.value) = 'object';

COMMENT ON VIEW sojourn.lifecycle_status IS
    'The statuses of every lifecycle that a task is pinned to: whether each ends an entity''s work (terminal), is '
    'a failure, or waits for an attempt to begin.';

-- The statuses of every lifecycle that a task is pinned to, one row a machine: those that end an entity's work and
-- those that do not, those that await a report or a distributor's id, and those in which a task awaits an instance,
-- because it is what an active instance implies.
CREATE OR REPLACE VIEW sojourn.lifecycle_class AS
SELECT
    s.lifecycle, s.lifecycle_version, s.entity_kind,
    array_agg(s.status) FILTER (WHERE NOT s.terminal) AS active,
    array_agg(s.status) FILTER (WHERE s.terminal) AS ended,
    array_agg(s.status) FILTER (WHERE s.awaits_report) AS awaits_report,
    array_agg(s.status) FILTER (WHERE s.awaits_distributor) AS awaits_distributor,
    array_agg(s.status) FILTER (WHERE s.awaits_instance) AS awaits_instance
FROM sojourn.lifecycle_status AS s
GROUP BY s.lifecycle, s.lifecycle_version, s.entity_kind;

COMMENT ON VIEW sojourn.lifecycle_class IS
    'The statuses of each machine of every lifecycle that a task is pinned to, by what they mean for orphans.';

-- One row for each status that a task was in. exited_at NULL: no exit was observed.
CREATE OR REPLACE VIEW sojourn.task_status_audit AS
SELECT
    a.task_id, a.workflow_id, a.previous_status, a.new_status, a.entered_at, a.exited_at,
    coalesce(
        a.exited_at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), a.entered_at)
    ) - a.entered_at AS duration,
    a.version, a.position, a.reported, a.rule, a.actor, a.num_attempts,
    task.template, task.lifecycle, task.lifecycle_version,
    a.next_status
FROM (
    SELECT
        t.entity_id AS task_id, t.workflow_id, t.previous_status, t.status AS new_status, t.entered_at,
        lead(t.entered_at) OVER (PARTITION BY t.entity_id, t.workflow_id ORDER BY t.version) AS exited_at,
        t.version, t.position, t.reported, t.rule, t.actor, t.num_attempts,
        lead(t.status) OVER (PARTITION BY t.entity_id, t.workflow_id ORDER BY t.version) AS next_status
    FROM sojourn.transition AS t
    WHERE t.entity_kind = 'task' AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
) AS a
-- A left join costs nothing where none of its columns is asked for.
LEFT JOIN sojourn.task AS task ON task.task_id = a.task_id;

COMMENT ON VIEW sojourn.task_status_audit IS
    'One row for each status that a task was in. exited_at is NULL where no exit was observed; duration then '
    'runs up to now, or to sojourn.as_of. next_status, template, lifecycle and lifecycle_version stand beside it.';

-- One row for each status that a task instance was in. exited_at NULL: no exit was observed.
CREATE OR REPLACE VIEW sojourn.task_instance_status_audit AS
SELECT
    a.task_instance_id, a.workflow_id, a.previous_status, a.new_status, a.entered_at, a.exited_at,
    coalesce(
        a.exited_at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), a.entered_at)
    ) - a.entered_at AS duration,
    a.version, a.position, a.reported, a.rule, a.actor, a.task_id,
    task.template, task.lifecycle, task.lifecycle_version,
    a.next_status
FROM (
    SELECT
        t.entity_id AS task_instance_id, t.workflow_id, t.previous_status, t.status AS new_status, t.entered_at,
        lead(t.entered_at) OVER (PARTITION BY t.entity_id, t.workflow_id ORDER BY t.version) AS exited_at,
        t.version, t.position, t.reported, t.rule, t.actor, t.task_id,
        lead(t.status) OVER (PARTITION BY t.entity_id, t.workflow_id ORDER BY t.version) AS next_status
    FROM sojourn.transition AS t
    WHERE t.entity_kind = 'task_instance' AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
) AS a
-- A left join costs nothing where none of its columns is asked for.
LEFT JOIN sojourn.task AS task ON task.task_id = a.task_id;

COMMENT ON VIEW sojourn.task_instance_status_audit IS
    'One row for each status that a task instance was in. exited_at is NULL where no exit was observed; duration then '
    'runs up to now, or to sojourn.as_of. next_status, template, lifecycle and lifecycle_version stand beside it.';

-- Each task and its status now, or as of sojourn.as_of; a task that was not registered by then is not there.
CREATE OR REPLACE VIEW sojourn.current_task AS
SELECT
    t.task_id, t.workflow_id, latest.status, latest.entered_at, latest.num_attempts, t.max_attempts,
    CASE
        WHEN (SELECT sojourn.as_of()) IS NULL THEN t.instances
        ELSE (
            SELECT count(*)::integer FROM sojourn.transition AS i
            WHERE i.entity_kind = 'task_instance' AND i.version = 1 AND i.entered_at <= (SELECT sojourn.as_of())
                AND i.entity_id IN (
                    SELECT n.task_instance_id FROM sojourn.task_instance AS n WHERE n.task_id = t.task_id
                )
        )
    END AS instances,
    t.template, t.lifecycle, t.lifecycle_version, latest.version,
    CASE WHEN (SELECT sojourn.as_of()) IS NULL THEN t.owner ELSE e.data ->> 'owner' END AS owner,
    CASE WHEN (SELECT sojourn.as_of()) IS NULL THEN t.state ELSE e.data -> 'state' END AS state
FROM
    sojourn.task AS t
    CROSS JOIN LATERAL (
        SELECT t.status, t.entered_at, t.num_attempts, t.version
        WHERE (SELECT sojourn.as_of()) IS NULL
        UNION ALL
        (
            SELECT s.status, s.entered_at, s.num_attempts, s.version
            FROM sojourn.transition AS s
            WHERE
                (SELECT sojourn.as_of()) IS NOT NULL
                AND s.entity_kind = 'task' AND s.entity_id = t.task_id AND s.entered_at <= (SELECT sojourn.as_of())
            ORDER BY s.version DESC
            LIMIT 1
        )
    ) AS latest
    LEFT JOIN sojourn.event AS e
        ON (SELECT sojourn.as_of()) IS NOT NULL AND e.stream = 'task:' || t.task_id AND e.version = latest.version;

COMMENT ON VIEW sojourn.current_task IS 'Each task and its status now, or as of sojourn.as_of.';

-- Each task instance and its status now, or as of sojourn.as_of; one that did not exist by then is not there.
CREATE OR REPLACE VIEW sojourn.current_task_instance AS
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, latest.status, latest.entered_at,
    latest.report_by_date, i.distributor_id, latest.version, i.array_id, i.batch_number, i.step
FROM
    sojourn.task_instance AS i
    CROSS JOIN LATERAL (
        SELECT i.status, i.entered_at, i.report_by_date, i.version
        WHERE (SELECT sojourn.as_of()) IS NULL
        UNION ALL
        (
            SELECT s.status, s.entered_at, s.report_by_date, s.version
            FROM sojourn.transition AS s
            WHERE
                (SELECT sojourn.as_of()) IS NOT NULL
                AND s.entity_kind = 'task_instance' AND s.entity_id = i.task_instance_id
                AND s.entered_at <= (SELECT sojourn.as_of())
            ORDER BY s.version DESC
            LIMIT 1
        )
    ) AS latest;

COMMENT ON VIEW sojourn.current_task_instance IS 'Each task instance and its status now, or as of sojourn.as_of.';

-- Every status that a task or an instance was in, with what is known of how it came about.
-- ended_at: where no exit was observed, the stay has lasted until now, or until sojourn.as_of.
CREATE OR REPLACE VIEW sojourn.stay AS
-- Read once, and few: joined to the definitions themselves, they would be taken apart for each row.
WITH known AS MATERIALIZED (
    SELECT s.* FROM sojourn.lifecycle_status AS s
),
stayed AS (
    SELECT
        'task' AS entity_kind, a.task_id AS entity_id, a.task_id, a.workflow_id, t.template, NULL::integer AS ordinal,
        a.version, a.previous_status, a.new_status, a.entered_at, a.exited_at, a.duration, a.position, a.reported,
        a.rule, a.actor, t.lifecycle, t.lifecycle_version
    FROM
        sojourn.task_status_audit AS a
        INNER JOIN sojourn.task AS t ON t.task_id = a.task_id
    UNION ALL
    SELECT
        'task_instance', a.task_instance_id, a.task_id, a.workflow_id, t.template, i.ordinal, a.version,
        a.previous_status, a.new_status, a.entered_at, a.exited_at, a.duration, a.position, a.reported, a.rule,
        a.actor, t.lifecycle, t.lifecycle_version
    FROM
        sojourn.task_instance_status_audit AS a
        INNER JOIN sojourn.task_instance AS i ON i.task_instance_id = a.task_instance_id
        INNER JOIN sojourn.task AS t ON t.task_id = a.task_id
)
SELECT
    a.position, a.entity_kind, a.entity_id, a.task_id, a.workflow_id, a.template, a.ordinal, a.version,
    a.previous_status, a.new_status AS status, a.entered_at, a.exited_at, a.entered_at + a.duration AS ended_at,
    known.terminal, known.failure, a.reported, a.rule, a.actor,
    e.data -> 'actor' ->> 'host' AS host, coalesce(e.data ->> 'reason', e.data ->> 'rule_reason') AS reason,
    e.data ->> 'owner' AS owner
FROM
    stayed AS a
    INNER JOIN sojourn.event AS e ON e.position = a.position
    INNER JOIN known
        ON known.lifecycle = a.lifecycle AND known.lifecycle_version = a.lifecycle_version
        AND known.entity_kind = a.entity_kind AND known.status = a.new_status;
COMMENT ON VIEW sojourn.stay IS 'Every status that a task or an instance was in, with who reported it and why.';

-- When a runner or a task instance was silent: past the time by which it was to be heard of again. The last range may
-- lie ahead, and has no end. It is all the time since it was known, without
--   what was reported: a status holds until its report_by_date, or else until the first heartbeat; an end for ever;
--   what was leased: from the first heartbeat until the end of the present lease, without the lapses in between.
-- It reads with its owner's rights, for those who may read the view of silences and not the log.
CREATE OR REPLACE FUNCTION sojourn.silences(entity_kind text, entity_id text) RETURNS tstzmultirange
LANGUAGE plpgsql STABLE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    lease    sojourn.lease;
    leased   tstzmultirange := '{}';
    reported tstzmultirange := '{}';
    known    timestamptz;
BEGIN
    SELECT l.* INTO lease FROM sojourn.lease AS l WHERE l.holder = silences.entity_kind || ':' || silences.entity_id;
    known := lease.begun_at;
    IF known IS NOT NULL THEN
        SELECT
            tstzmultirange(tstzrange(lease.begun_at, lease.report_by)) - coalesce(
                range_agg(tstzrange(
                    (e.data ->> 'silent_since')::timestamptz, (e.data ->> 'silent_until')::timestamptz
                )),
                '{}'
            )
        INTO leased
        FROM sojourn.event AS e
        WHERE e.stream = lease.holder AND e.name = silences.entity_kind || '.returned.v1';
    END IF;

    IF silences.entity_kind = 'task_instance' THEN
        SELECT min(t.entered_at), range_agg(tstzrange(t.entered_at, least(t.exited_at, greatest(t.entered_at, t.holds))))
        INTO known, reported
        FROM (
            SELECT
                s.entered_at, lead(s.entered_at) OVER (ORDER BY s.version) AS exited_at,
                CASE
                    WHEN s.status = ANY (ends.statuses) THEN 'infinity'
                    ELSE coalesce(s.report_by_date, lease.begun_at, 'infinity')
                END AS holds
            FROM
                (
                    SELECT ARRAY(
                        SELECT json_array_elements_text(c.definition #> '{task_instance,terminal}')
                    )
                    FROM
                        sojourn.task_instance AS i
                        JOIN sojourn.task AS p ON p.task_id = i.task_id
                        JOIN sojourn.lifecycle AS c ON c.name = p.lifecycle AND c.version = p.lifecycle_version
                    WHERE i.task_instance_id = silences.entity_id
                ) AS ends (statuses)
                CROSS JOIN sojourn.transition AS s
            WHERE s.entity_kind = 'task_instance' AND s.entity_id = silences.entity_id
        ) AS t;
    END IF;
    IF known IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN tstzmultirange(tstzrange(known, 'infinity')) - reported - leased;
END
$$;

COMMENT ON FUNCTION sojourn.silences IS 'When a runner or a task instance was silent; the last range may lie ahead.';

-- When runners and task instances were silent, until now or until sojourn.as_of. until NULL: it goes on.
-- Every interval is there, noticed at the time (an event says so) or not.
CREATE OR REPLACE VIEW sojourn.silence AS
SELECT
    'runner'::text AS entity_kind, substr(l.holder, 8) AS entity_id, l.workflow_id,
    lower(s.range) AS since,
    CASE WHEN upper(s.range) <= coalesce((SELECT sojourn.as_of()), statement_timestamp()) THEN upper(s.range) END
        AS until
FROM
    sojourn.lease AS l
    CROSS JOIN LATERAL unnest(sojourn.silences('runner', substr(l.holder, 8))) AS s (range)
WHERE
    l.holder >= 'runner:' AND l.holder < 'runner;'
    AND lower(s.range) < coalesce((SELECT sojourn.as_of()), statement_timestamp())
UNION ALL
SELECT
    'task_instance'::text, i.task_instance_id, i.workflow_id,
    lower(s.range),
    CASE WHEN upper(s.range) <= coalesce((SELECT sojourn.as_of()), statement_timestamp()) THEN upper(s.range) END
FROM
    sojourn.task_instance AS i
    LEFT JOIN sojourn.lease AS l ON l.holder = 'task_instance:' || i.task_instance_id
    CROSS JOIN LATERAL unnest(sojourn.silences('task_instance', i.task_instance_id)) AS s (range)
WHERE
    -- Nobody else was ever to be heard of by a certain time.
    (i.report_by_date IS NOT NULL OR l.holder IS NOT NULL)
    AND lower(s.range) < coalesce((SELECT sojourn.as_of()), statement_timestamp());

COMMENT ON VIEW sojourn.silence IS
    'When runners and task instances were silent, now or as of sojourn.as_of; until is NULL where it goes on.';

-- Each runner that has sent a heartbeat by now, or by sojourn.as_of: when it was last heard of, and since when its
-- lease has run out (NULL: it has not). Of a past time within a lease, heard_at is that time: which heartbeat renewed
-- it is not kept.
CREATE OR REPLACE VIEW sojourn.runner AS
SELECT
    substr(l.holder, 8) AS runner_id, l.begun_at,
    CASE
        WHEN l.heartbeat_at <= at.moment THEN l.heartbeat_at
        ELSE coalesce(lapse.heard_at, at.moment)
    END AS heard_at,
    CASE
        WHEN l.heartbeat_at > at.moment THEN lapse.silent_since
        WHEN l.report_by < at.moment THEN l.report_by
    END AS silent_since
FROM
    sojourn.lease AS l
    CROSS JOIN (SELECT coalesce(sojourn.as_of(), statement_timestamp())) AS at (moment)
    LEFT JOIN LATERAL (
        SELECT r.heard_at, r.silent_since
        FROM
            sojourn.event AS e,
            LATERAL jsonb_to_record(e.data) AS r (
                heard_at timestamptz, silent_since timestamptz, silent_until timestamptz
            )
        WHERE
            l.heartbeat_at > at.moment AND e.stream = l.holder AND e.name = 'runner.returned.v1'
            AND r.silent_since < at.moment AND r.silent_until > at.moment
    ) AS lapse ON true
WHERE l.holder >= 'runner:' AND l.holder < 'runner;' AND l.begun_at <= at.moment;

COMMENT ON VIEW sojourn.runner IS
    'Each runner that has sent a heartbeat, when it was last heard of, and since when it is silent (NULL: it is '
    'not).';

-- The audits of tasks and of their instances in one shape: what analytics are made of.
CREATE OR REPLACE VIEW sojourn.status_audit AS
SELECT
    'task'::text AS entity_kind, a.task_id AS entity_id, a.task_id, a.workflow_id, a.template, a.actor,
    a.previous_status, a.new_status AS status, a.next_status, a.entered_at, a.exited_at,
    a.exited_at IS NULL AS open, date_part('epoch', a.duration) AS seconds, a.version, a.lifecycle,
    a.lifecycle_version
FROM sojourn.task_status_audit AS a
UNION ALL
SELECT
    'task_instance', a.task_instance_id, a.task_id, a.workflow_id, a.template, a.actor,
    a.previous_status, a.new_status, a.next_status, a.entered_at, a.exited_at,
    a.exited_at IS NULL, date_part('epoch', a.duration), a.version, a.lifecycle,
    a.lifecycle_version
FROM sojourn.task_instance_status_audit AS a;

COMMENT ON VIEW sojourn.status_audit IS
    'One row for each status that a task or a task instance was in. An open stay has not ended: its seconds run up to '
    'now, or to sojourn.as_of. Ask for one entity_kind (task, task_instance) at a time.';

-- Inlined: a grouping that is a constant costs nothing for each row.
CREATE OR REPLACE FUNCTION sojourn.group_of(
    by text, workflow_id text, template text, actor text, entered_at timestamptz
)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE by
        WHEN 'workflow' THEN workflow_id
        WHEN 'template' THEN template
        WHEN 'actor' THEN actor
        WHEN 'hour' THEN to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00:00"Z"')
        WHEN 'day' THEN to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
        WHEN 'week' THEN to_char(date_trunc('week', entered_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD')
    END
$$;

COMMENT ON FUNCTION sojourn.group_of IS
    'The group of a stay: by workflow, template, actor, or the hour, day or week (its Monday) in UTC in which it began. '
    'NULL where by is none of these.';

-- Where a quantile lies among n sorted values: between two of them, at a share of the way.
CREATE OR REPLACE FUNCTION sojourn.place_of(quantile float8, n bigint)
RETURNS TABLE (below bigint, above bigint, share float8)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        1 + floor(quantile * (n - 1))::bigint, 1 + ceil(quantile * (n - 1))::bigint,
        quantile * (n - 1) - floor(quantile * (n - 1))
$$;

COMMENT ON FUNCTION sojourn.place_of IS
    'Where a quantile lies among n sorted values, counted from 1: between two of them, at a share of the way.';

-- Each bound is two to four times the one before, and reads well: 1, 2, 5, 10 seconds, then minutes, hours, days.
CREATE OR REPLACE FUNCTION sojourn.histogram_bounds() RETURNS float8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30,
        60, 120, 300, 600, 1800, 3600, 7200, 18000, 43200,
        86400, 172800, 432000, 864000, 2592000, 8640000, 31536000
    ]::float8[]
$$;

COMMENT ON FUNCTION sojourn.histogram_bounds IS 'The durations, in seconds, at which the bins of a histogram begin.';

-- Kaplan-Meier: an interval that is still open has lasted at least so long. After the interval of rank r out of n,
-- n - r are left, and each open one among the first r stands for as many as were left when it was last seen:
-- n / (n - r) is multiplied by (left + 1) / left for each of them. Ends come before open intervals of their length.
-- So the curve falls evenly from one open interval to the next: only those are gone through, a million ends are not.
CREATE OR REPLACE FUNCTION sojourn.time_in_status(
    entity_kind text DEFAULT 'task', by text DEFAULT NULL, workflow_id text DEFAULT NULL,
    terminal boolean DEFAULT false
)
RETURNS TABLE (
    status text, "group" text, n bigint, open bigint, total_seconds float8, mean_seconds float8,
    p50_seconds float8, p90_seconds float8, p99_seconds float8, km_p50_seconds float8, km_p90_seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        g.status, g."group", g.n, g.open, g.total_seconds, g.total_seconds / g.n,
        o.seconds[p50.below] + (o.seconds[p50.above] - o.seconds[p50.below]) * p50.share,
        o.seconds[p90.below] + (o.seconds[p90.above] - o.seconds[p90.below]) * p90.share,
        o.seconds[p99.below] + (o.seconds[p99.above] - o.seconds[p99.below]) * p99.share,
        o.seconds[km.p50], o.seconds[km.p90]
    FROM
        (
            SELECT
                s.status,
                sojourn.group_of(
                    time_in_status.by, s.workflow_id, s.template, s.actor, s.entered_at
                ) AS "group",
                count(*) AS n, count(*) FILTER (WHERE s.open) AS open, sum(s.seconds) AS total_seconds,
                array_agg(s.seconds) AS seconds, array_agg(s.open) AS is_open
            FROM sojourn.status_audit AS s
            WHERE
                s.entity_kind = time_in_status.entity_kind
                AND (time_in_status.workflow_id IS NULL OR s.workflow_id = time_in_status.workflow_id)
                AND (s.lifecycle, s.lifecycle_version, s.status) NOT IN (
                    SELECT l.lifecycle, l.lifecycle_version, l.status
                    FROM sojourn.lifecycle_status AS l
                    WHERE l.entity_kind = time_in_status.entity_kind AND l.terminal AND NOT time_in_status.terminal
                )
            GROUP BY 1, 2
        ) AS g
        -- OFFSET 0: sorted once, not once for each figure.
        CROSS JOIN LATERAL (
            SELECT
                array_agg(u.seconds ORDER BY u.seconds, u.open) AS seconds,
                array_agg(u.open ORDER BY u.seconds, u.open) AS is_open
            FROM unnest(g.seconds, g.is_open) AS u (seconds, open)
            OFFSET 0
        ) AS o
        CROSS JOIN LATERAL sojourn.place_of(0.5, g.n) AS p50
        CROSS JOIN LATERAL sojourn.place_of(0.9, g.n) AS p90
        CROSS JOIN LATERAL sojourn.place_of(0.99, g.n) AS p99
        CROSS JOIN LATERAL (
            SELECT
                min(f.p50) FILTER (WHERE f.p50 < f.next_rank) AS p50,
                min(f.p90) FILTER (WHERE f.p90 < f.next_rank) AS p90
            FROM (
                SELECT
                    c.next_rank,
                    greatest(c.rank + 1, ceil(g.n * (1 - (0.5 + 1e-9) / c.factor))::bigint) AS p50,
                    greatest(c.rank + 1, ceil(g.n * (1 - (0.1 + 1e-9) / c.factor))::bigint) AS p90
                FROM (
                    SELECT
                        r.rank, lead(r.rank, 1, g.n + 1) OVER by_rank AS next_rank,
                        exp(sum(
                            CASE
                                WHEN r.rank BETWEEN 1 AND g.n - 1 THEN ln((g.n - r.rank + 1)::float8 / (g.n - r.rank))
                                ELSE 0
                            END
                        ) OVER by_rank) AS factor
                    FROM (
                        SELECT u.place - 1 AS rank
                        FROM unnest(true || o.is_open) WITH ORDINALITY AS u (open, place)
                        WHERE u.open
                    ) AS r
                    WINDOW by_rank AS (ORDER BY r.rank)
                ) AS c
            ) AS f
        ) AS km
    ORDER BY g."group" NULLS FIRST, g.total_seconds DESC, g.status
$$;

COMMENT ON FUNCTION sojourn.time_in_status IS
    'How long tasks or task instances stay in each status, in seconds. An open stay counts up to now, or to '
    'sojourn.as_of. The km quantiles are Kaplan-Meier''s, for which an open stay has lasted at least so long; they are '
    'NULL where too few stays have ended. Grouped by workflow, template, actor, hour, day or week, if asked.';

CREATE OR REPLACE FUNCTION sojourn.time_in_status_histogram(
    entity_kind text DEFAULT 'task', by text DEFAULT NULL, workflow_id text DEFAULT NULL,
    terminal boolean DEFAULT false
)
RETURNS TABLE (
    status text, "group" text, from_seconds float8, to_seconds float8, n bigint, open bigint
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH counted AS (
        SELECT
            s.status,
            sojourn.group_of(
                time_in_status_histogram.by, s.workflow_id, s.template, s.actor, s.entered_at
            ) AS "group",
            width_bucket(s.seconds, sojourn.histogram_bounds()) AS bin,
            count(*) AS n, count(*) FILTER (WHERE s.open) AS open
        FROM sojourn.status_audit AS s
        WHERE
            s.entity_kind = time_in_status_histogram.entity_kind
            AND (
                time_in_status_histogram.workflow_id IS NULL
                OR s.workflow_id = time_in_status_histogram.workflow_id
            )
            AND (s.lifecycle, s.lifecycle_version, s.status) NOT IN (
                SELECT l.lifecycle, l.lifecycle_version, l.status
                FROM sojourn.lifecycle_status AS l
                WHERE
                    l.entity_kind = time_in_status_histogram.entity_kind AND l.terminal
                    AND NOT time_in_status_histogram.terminal
            )
        GROUP BY 1, 2, 3
    ),
    followed AS (
        SELECT c.*, lead(c.bin) OVER (PARTITION BY c.status, c."group" ORDER BY c.bin) AS next_bin
        FROM counted AS c
    )
    -- A bin is followed by the empty ones before the next.
    SELECT
        f.status, f."group", coalesce(bound.seconds[b.bin], 0), bound.seconds[b.bin + 1],
        CASE WHEN b.bin = f.bin THEN f.n ELSE 0 END, CASE WHEN b.bin = f.bin THEN f.open ELSE 0 END
    FROM
        followed AS f
        CROSS JOIN LATERAL generate_series(f.bin, coalesce(f.next_bin - 1, f.bin)) AS b (bin)
        CROSS JOIN (VALUES (sojourn.histogram_bounds())) AS bound (seconds)
    ORDER BY f."group" NULLS FIRST, f.status, b.bin
$$;

COMMENT ON FUNCTION sojourn.time_in_status_histogram IS
    'How many stays in each status lasted from so long to so long (below to_seconds; NULL: no limit), for stays as '
    'sojourn.time_in_status takes them. There is a row for each bin from the shortest stay to the longest.';

-- Every entry is +1 and every exit -1, which is the entry of what comes after: no stay need be paired with its end.
-- Ends and starts of one instant are netted, so that a stay of no length leaves no trace. All windows are of one query
-- and in one order, so that a million stays are sorted once, and by time alone where there are no groups.
CREATE OR REPLACE FUNCTION sojourn.concurrency(
    entity_kind text, status text, workflow_id text DEFAULT NULL, by text DEFAULT NULL
)
RETURNS TABLE ("group" text, at timestamptz, n bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c."group", c.at, c.n
    FROM (
        SELECT
            sojourn.group_of(concurrency.by, s.workflow_id, s.template, NULL, NULL) AS "group",
            s.entered_at AS at,
            sum(p.step) OVER in_time AS n,
            sum(p.step) OVER (
                PARTITION BY
                    sojourn.group_of(concurrency.by, s.workflow_id, s.template, NULL, NULL), s.entered_at
            ) AS net,
            lag(s.entered_at) OVER in_time AS before
        FROM
            sojourn.status_audit AS s
            CROSS JOIN LATERAL (
                SELECT
                    (s.status = concurrency.status)::integer
                    - coalesce(s.previous_status = concurrency.status, false)::integer
            ) AS p (step)
        WHERE
            s.entity_kind = concurrency.entity_kind
            AND (s.status = concurrency.status OR s.previous_status = concurrency.status)
            AND (concurrency.workflow_id IS NULL OR s.workflow_id = concurrency.workflow_id)
        WINDOW in_time AS (
            PARTITION BY sojourn.group_of(concurrency.by, s.workflow_id, s.template, NULL, NULL)
            ORDER BY s.entered_at
        )
        ORDER BY 1, 2
    ) AS c
    WHERE c.net <> 0 AND c.at IS DISTINCT FROM c.before
$$;

COMMENT ON FUNCTION sojourn.concurrency IS
    'How many tasks or task instances were in a status at once, exactly: one row at each change, by workflow or '
    'template if asked. What is still there stays counted.';

-- A bucket, unless time has too many of it: each would be written to the disk before the first is read.
CREATE OR REPLACE FUNCTION sojourn.countable_bucket(bucket interval, number float8) RETURNS interval
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF number > 1000000 THEN
        RAISE EXCEPTION 'that would be % buckets, of a million at most', to_char(number, 'FM999,999,999,999,999,999')
            USING ERRCODE = 'program_limit_exceeded', HINT = 'Take a longer bucket, or a window of time.';
    END IF;
    RETURN bucket;
END
$$;

COMMENT ON FUNCTION sojourn.countable_bucket IS
    'The bucket itself; raises program_limit_exceeded where there would be more than a million of it.';

-- Without a window of time.
DROP FUNCTION IF EXISTS sojourn.concurrency_by_bucket(text, text, interval, text, text);

-- The boundaries of buckets are changes by nothing: with them, what lies between two changes lies within one bucket.
-- Where both are at one instant, all but the last lead to a piece of no length.
-- Buckets begin at multiples of their length from a Monday in UTC.
-- What changed before the window is taken to have changed as it begins: buckets are made for the window alone.
CREATE OR REPLACE FUNCTION sojourn.concurrency_by_bucket(
    entity_kind text, status text, bucket interval, workflow_id text DEFAULT NULL, by text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL
)
RETURNS TABLE ("group" text, bucket_at timestamptz, mean float8, most bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH change AS MATERIALIZED (
        SELECT c."group", c.at, (c.n - lag(c.n, 1, 0::bigint) OVER (PARTITION BY c."group" ORDER BY c.at))::integer AS step
        FROM sojourn.concurrency(
            concurrency_by_bucket.entity_kind, concurrency_by_bucket.status, concurrency_by_bucket.workflow_id,
            concurrency_by_bucket.by
        ) AS c
    ),
    span AS (
        SELECT
            c."group",
            date_bin(
                concurrency_by_bucket.bucket, greatest(min(c.at), concurrency_by_bucket.since), '2000-01-03T00:00:00Z'
            ) AS begins,
            least(
                CASE WHEN sum(c.step) > 0 THEN greatest(max(c.at), asked.at) ELSE max(c.at) END,
                concurrency_by_bucket.until
            ) AS ends,
            greatest(max(c.at), asked.at) AS asked_at
        FROM change AS c, (SELECT coalesce(sojourn.as_of(), statement_timestamp())) AS asked (at)
        GROUP BY c."group", asked.at
    ),
    counted AS (
        SELECT
            s.*,
            sojourn.countable_bucket(
                concurrency_by_bucket.bucket,
                sum(date_part('epoch', s.ends - s.begins) / date_part('epoch', concurrency_by_bucket.bucket)) OVER ()
            ) AS bucket
        FROM span AS s
        WHERE s.begins <= s.ends
    ),
    point AS (
        SELECT c."group", greatest(c.at, s.begins) AS at, c.step
        FROM
            change AS c
            -- IS NOT DISTINCT FROM would look through every group for each change.
            INNER JOIN counted AS s
                ON coalesce(s."group", '') = coalesce(c."group", '') AND (s."group" IS NULL) = (c."group" IS NULL)
        UNION ALL
        SELECT s."group", least(b.at, s.asked_at), 0
        FROM counted AS s, generate_series(s.begins, s.ends + s.bucket, s.bucket) AS b (at)
    ),
    piece AS (
        SELECT
            p."group", p.at, sum(p.step) OVER in_time AS n,
            date_part('epoch', lead(p.at) OVER in_time - p.at) AS seconds
        FROM point AS p
        WINDOW in_time AS (PARTITION BY p."group" ORDER BY p.at)
    )
    SELECT
        p."group", date_bin(concurrency_by_bucket.bucket, p.at, '2000-01-03T00:00:00Z') AS bucket_at,
        (sum(p.n * p.seconds) / sum(p.seconds))::float8, max(p.n)
    FROM piece AS p
    WHERE
        p.seconds > 0
        AND date_bin(concurrency_by_bucket.bucket, p.at, '2000-01-03T00:00:00Z')
        <= coalesce(concurrency_by_bucket.until, 'infinity')
    GROUP BY 1, 2
    ORDER BY 1, 2
$$;

COMMENT ON FUNCTION sojourn.concurrency_by_bucket IS
    'How many tasks or task instances were in a status at once, in each bucket of time: the mean weighted by time and '
    'the most. The last bucket is weighed up to now, or to sojourn.as_of. since and until: only the buckets from the '
    'one that since lies in to the one that until lies in.';

-- An attempt is a task instance where the lifecycle has them. Elsewhere one begins each time that the task's
-- num_attempts grows, and ends as the task ends, fails, waits to be tried again, is reset, or begins another.
CREATE OR REPLACE VIEW sojourn.attempt AS
SELECT
    a.task_id, a.workflow_id, a.template, a.ordinal, a.task_instance_id, a.status, a.began_at, a.ended_at, a.outcome,
    date_part(
        'epoch',
        coalesce(a.ended_at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), a.began_at)) - a.began_at
    ) AS seconds
FROM (
    SELECT
        i.task_id, i.workflow_id, t.template, i.ordinal, i.task_instance_id, i.status,
        b.entered_at AS began_at,
        CASE WHEN l.terminal THEN i.entered_at END AS ended_at,
        CASE WHEN l.terminal THEN CASE WHEN l.failure THEN 'failed' ELSE 'succeeded' END END AS outcome
    FROM
        sojourn.current_task_instance AS i
        JOIN sojourn.transition AS b
            ON b.entity_kind = 'task_instance' AND b.entity_id = i.task_instance_id AND b.version = 1
        JOIN sojourn.task AS t ON t.task_id = i.task_id
        LEFT JOIN sojourn.lifecycle_status AS l
            ON l.lifecycle = t.lifecycle AND l.lifecycle_version = t.lifecycle_version
            AND l.entity_kind = 'task_instance' AND l.status = i.status
    UNION ALL
    SELECT
        e.task_id, e.workflow_id, e.template, e.ordinal, NULL, coalesce(e.end_status, e.last_status),
        e.began_at, coalesce(e.end_at, e.next_began_at),
        CASE
            WHEN e.end_failed OR e.end_waits THEN 'failed'
            WHEN e.end_terminal THEN 'succeeded'
            WHEN coalesce(e.end_at, e.next_began_at) IS NOT NULL THEN 'interrupted'
        END
    FROM (
        SELECT
            n.task_id, n.workflow_id, n.template, n.ordinal,
            min(n.entered_at) AS began_at,
            (array_agg(n.status ORDER BY n.version DESC))[1] AS last_status,
            (array_agg(n.status ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_status,
            (array_agg(n.entered_at ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_at,
            (array_agg(n.failure ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_failed,
            (array_agg(n.waiting ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_waits,
            (array_agg(n.terminal ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_terminal,
            lead(min(n.entered_at)) OVER (PARTITION BY n.task_id, n.workflow_id ORDER BY n.ordinal) AS next_began_at
        FROM (
            SELECT
                s.task_id, s.workflow_id, s.template, s.version, s.entered_at, s.new_status AS status,
                l.terminal, l.failure, l.waiting AND NOT s.is_reset AS waiting,
                (l.terminal OR l.failure OR l.waiting OR s.is_reset) AND NOT s.begins AS ends,
                (count(*) FILTER (WHERE s.begins)
                    OVER (PARTITION BY s.task_id, s.workflow_id ORDER BY s.version))::integer AS ordinal
            FROM
                (
                    SELECT
                        a.*,
                        a.num_attempts > lag(a.num_attempts, 1, 0) OVER by_version AS begins,
                        a.num_attempts < lag(a.num_attempts, 1, 0) OVER by_version AS is_reset
                    FROM sojourn.task_status_audit AS a
                    WINDOW by_version AS (PARTITION BY a.task_id, a.workflow_id ORDER BY a.version)
                ) AS s
                JOIN sojourn.lifecycle_status AS l
                    ON l.lifecycle = s.lifecycle AND l.lifecycle_version = s.lifecycle_version
                    AND l.entity_kind = 'task' AND l.status = s.new_status
            WHERE (s.lifecycle, s.lifecycle_version) NOT IN (
                SELECT m.lifecycle, m.lifecycle_version
                FROM sojourn.lifecycle_status AS m
                WHERE m.entity_kind = 'task_instance'
            )
        ) AS n
        WHERE n.ordinal > 0
        GROUP BY n.task_id, n.workflow_id, n.template, n.ordinal
    ) AS e
) AS a;

COMMENT ON VIEW sojourn.attempt IS
    'One row for each attempt at a task: a task instance, or, where the lifecycle has none, what num_attempts counts. '
    'outcome is succeeded, failed, or interrupted (reset, or begun anew without having failed); NULL while it goes on, '
    'and its seconds then run up to now, or to sojourn.as_of.';

CREATE OR REPLACE FUNCTION sojourn.attempts(by text DEFAULT NULL, workflow_id text DEFAULT NULL)
RETURNS TABLE (
    "group" text, tasks bigint, attempts bigint, attempts_per_task float8, most_attempts integer,
    succeeded bigint, failed bigint, interrupted bigint, open bigint,
    total_seconds float8, wasted_seconds float8, wasted_share float8, first_try_share float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        a."group", a.tasks, a.attempts, a.attempts::float8 / a.tasks, a.most_attempts,
        a.succeeded, a.failed, a.interrupted, a.open,
        a.total_seconds, a.wasted_seconds, a.wasted_seconds / nullif(a.total_seconds, 0),
        a.first_succeeded::float8 / nullif(a.first_ended, 0)
    FROM (
        SELECT
            sojourn.group_of(attempts.by, t.workflow_id, t.template, NULL, NULL) AS "group",
            count(DISTINCT t.task_id) AS tasks, count(*) AS attempts, max(t.ordinal) AS most_attempts,
            count(*) FILTER (WHERE t.outcome = 'succeeded') AS succeeded,
            count(*) FILTER (WHERE t.outcome = 'failed') AS failed,
            count(*) FILTER (WHERE t.outcome = 'interrupted') AS interrupted,
            count(*) FILTER (WHERE t.outcome IS NULL) AS open,
            sum(t.seconds) AS total_seconds,
            coalesce(sum(t.seconds) FILTER (WHERE t.outcome = 'failed'), 0) AS wasted_seconds,
            count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome = 'succeeded') AS first_succeeded,
            count(*) FILTER (WHERE t.ordinal = 1 AND t.outcome IS NOT NULL) AS first_ended
        FROM sojourn.attempt AS t
        WHERE attempts.workflow_id IS NULL OR t.workflow_id = attempts.workflow_id
        GROUP BY 1
    ) AS a
    ORDER BY a."group" NULLS FIRST
$$;

COMMENT ON FUNCTION sojourn.attempts IS
    'The attempts at tasks, by workflow or template if asked: how many each task took, how they came out, the seconds '
    'in those that failed (wasted), and the share of tasks whose first attempt succeeded, of those whose first attempt '
    'has ended. Tasks that nobody has tried yet do not count.';

CREATE OR REPLACE FUNCTION sojourn.breaches(limits jsonb, workflow_id text DEFAULT NULL)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, workflow_id text, template text, status text,
    entered_at timestamptz, exited_at timestamptz, open boolean, seconds float8, limit_seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        s.entity_kind, s.entity_id, s.task_id, s.workflow_id, s.template, s.status,
        s.entered_at, s.exited_at, s.open, s.seconds, l.seconds
    FROM
        jsonb_to_recordset(breaches.limits) AS l (entity_kind text, status text, template text, seconds float8)
        JOIN sojourn.status_audit AS s
            ON s.entity_kind = l.entity_kind AND s.status = l.status AND (l.template IS NULL OR s.template = l.template)
    WHERE
        s.seconds > l.seconds
        AND (breaches.workflow_id IS NULL OR s.workflow_id = breaches.workflow_id)
        -- A template's own limit takes the place of the one for all.
        AND (
            l.template IS NOT NULL
            OR (s.entity_kind, s.status, coalesce(s.template, '')) NOT IN (
                SELECT o.entity_kind, o.status, o.template
                FROM jsonb_to_recordset(breaches.limits) AS o (entity_kind text, status text, template text)
                WHERE o.template IS NOT NULL
            )
        )
    ORDER BY s.entered_at, s.entity_kind, s.entity_id, s.version
$$;

COMMENT ON FUNCTION sojourn.breaches IS
    'The stays that have lasted longer than a limit, those still open too. Limits: [{"entity_kind", "status", '
    '"template" (NULL: every other), "seconds"}].';

CREATE OR REPLACE FUNCTION sojourn.variants(entity_kind text DEFAULT 'task', workflow_id text DEFAULT NULL)
RETURNS TABLE (statuses text[], n bigint, share float8, median_seconds float8, examples text[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        v.statuses, count(*) AS n, count(*) / (sum(count(*)) OVER ())::float8,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY v.seconds),
        (array_agg(v.entity_id ORDER BY v.entity_id))[1:3]
    FROM (
        SELECT
            s.entity_id, array_agg(s.status ORDER BY s.version) AS statuses,
            date_part('epoch', max(s.entered_at) - min(s.entered_at)) AS seconds
        FROM sojourn.status_audit AS s
        WHERE
            s.entity_kind = variants.entity_kind
            AND (variants.workflow_id IS NULL OR s.workflow_id = variants.workflow_id)
        GROUP BY s.entity_id
    ) AS v
    GROUP BY v.statuses
    ORDER BY n DESC, v.statuses
$$;

COMMENT ON FUNCTION sojourn.variants IS
    'The distinct sequences of statuses that tasks or task instances went through: how many did, their share, the '
    'median of the seconds from the first status to the last, and up to three examples.';

CREATE OR REPLACE FUNCTION sojourn.directly_follows(entity_kind text DEFAULT 'task', workflow_id text DEFAULT NULL)
RETURNS TABLE (source text, target text, n bigint, median_seconds float8)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT NULL, s.status, count(*), NULL
    FROM sojourn.status_audit AS s
    WHERE
        s.entity_kind = directly_follows.entity_kind AND s.previous_status IS NULL
        AND (directly_follows.workflow_id IS NULL OR s.workflow_id = directly_follows.workflow_id)
    GROUP BY s.status
    UNION ALL
    SELECT s.status, s.next_status, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds)
    FROM sojourn.status_audit AS s
    WHERE
        s.entity_kind = directly_follows.entity_kind
        AND (directly_follows.workflow_id IS NULL OR s.workflow_id = directly_follows.workflow_id)
    GROUP BY s.status, s.next_status
    ORDER BY 1 NULLS FIRST, 3 DESC, 2
$$;

COMMENT ON FUNCTION sojourn.directly_follows IS
    'How often each status came right after another, and the median of the seconds in the first. source is NULL where '
    'an entity begins; target is NULL for those that are still in source, up to now or to sojourn.as_of.';

-- Each task instance that has not ended, now or as of sojourn.as_of, with the lifecycle of its task.
CREATE OR REPLACE VIEW sojourn.active_instance AS
SELECT
    i.task_instance_id, i.task_id, i.workflow_id, i.ordinal, i.status, i.entered_at, i.report_by_date,
    i.distributor_id, t.lifecycle, t.lifecycle_version, t.template, c.active, c.awaits_report, c.awaits_distributor
FROM
    sojourn.current_task_instance AS i
    JOIN sojourn.task AS t ON t.task_id = i.task_id
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task_instance'
WHERE i.status = ANY (c.active);

COMMENT ON VIEW sojourn.active_instance IS 'Each task instance that has not ended, now or as of sojourn.as_of.';

-- When an entity entered the statuses that it has been among ever since, and the position of that event.
-- With the rights of its owner, as the views that ask it: whoever may read them need not read the tables.
CREATE OR REPLACE FUNCTION sojourn.entered(entity_kind text, entity_id text, among text[])
RETURNS TABLE (entered_at timestamptz, "position" bigint)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog AS $$
    SELECT t.entered_at, t.position
    FROM sojourn.transition AS t
    WHERE
        t.entity_kind = entered.entity_kind AND t.entity_id = entered.entity_id
        AND t.entered_at <= coalesce(sojourn.as_of(), 'infinity')
        AND t.version > coalesce((
            SELECT o.version FROM sojourn.transition AS o
            WHERE
                o.entity_kind = entered.entity_kind AND o.entity_id = entered.entity_id
                AND o.entered_at <= coalesce(sojourn.as_of(), 'infinity')
                AND o.status <> ALL (among)
            ORDER BY o.version DESC
            LIMIT 1
        ), 0)
    ORDER BY t.version
    LIMIT 1
$$;

COMMENT ON FUNCTION sojourn.entered IS
    'When an entity entered the statuses that it has been among ever since, and the position of that event.';

-- A time as sentences have it: in UTC, to the millisecond.
CREATE OR REPLACE FUNCTION sojourn.told("time" timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char("time" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

COMMENT ON FUNCTION sojourn.told IS 'A time as sentences have it: in UTC, to the millisecond.';

-- A threshold of the orphan rules: what is set as sojourn.NAME (SET, ALTER DATABASE ... SET), else its default.
CREATE OR REPLACE FUNCTION sojourn.orphan_threshold(name text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        nullif(current_setting('sojourn.' || name, true), ''),
        CASE name
            WHEN 'never_launched_after' THEN '1 hour'
            WHEN 'stuck_after' THEN '{}'
            WHEN 'stuck_factor' THEN '3'
            WHEN 'stuck_minimum' THEN '20'
            WHEN 'stuck_floor' THEN '1 minute'
        END
    )
$$;

COMMENT ON FUNCTION sojourn.orphan_threshold IS
    'A threshold of the orphan rules: what is set as sojourn.NAME, else its default.';

-- The instance has not ended, its task has.
CREATE OR REPLACE VIEW sojourn.orphan_terminal_parent AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'terminal-parent' AS rule, false AS decided,
    greatest(begun.entered_at, ended.entered_at) AS since,
    ARRAY[begun.position, ended.position] AS evidence,
    format('ti:%s in a terminal status, when task:%s entered one', i.task_instance_id, i.task_id) AS expected,
    format(
        'ti:%s is %s, although task:%s is %s and has been over since %s',
        i.task_instance_id, i.status, i.task_id, t.status, sojourn.told(ended.entered_at)
    ) AS explanation
FROM
    sojourn.active_instance AS i
    JOIN sojourn.current_task AS t ON t.task_id = i.task_id
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    CROSS JOIN LATERAL sojourn.entered('task_instance', i.task_instance_id, i.active) AS begun
    CROSS JOIN LATERAL sojourn.entered('task', i.task_id, c.ended) AS ended
WHERE t.status = ANY (c.ended);

COMMENT ON VIEW sojourn.orphan_terminal_parent IS 'Task instances that have not ended, although their task has.';

-- The instance has not ended, and neither has a newer one of the same task.
CREATE OR REPLACE VIEW sojourn.orphan_superseded AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'superseded' AS rule, false AS decided,
    greatest(begun.entered_at, newer.entered_at) AS since,
    ARRAY[begun.position, newer.position] AS evidence,
    format('ti:%s in a terminal status, before ti:%s began', i.task_instance_id, newer.task_instance_id) AS expected,
    format(
        'ti:%s is %s, although ti:%s is a newer attempt at task:%s and active since %s',
        i.task_instance_id, i.status, newer.task_instance_id, i.task_id, sojourn.told(newer.entered_at)
    ) AS explanation
FROM
    sojourn.active_instance AS i
    CROSS JOIN LATERAL sojourn.entered('task_instance', i.task_instance_id, i.active) AS begun
    CROSS JOIN LATERAL (
        SELECT n.task_instance_id, began.entered_at, began.position
        FROM
            sojourn.active_instance AS n
            CROSS JOIN LATERAL sojourn.entered('task_instance', n.task_instance_id, n.active) AS began
        WHERE n.task_id = i.task_id AND n.ordinal > i.ordinal
        ORDER BY began.entered_at, began.position
        LIMIT 1
    ) AS newer;

COMMENT ON VIEW sojourn.orphan_superseded IS
    'Task instances that have not ended, although there is a newer one of the same task.';

-- The instance is to be heard of by a certain time, which has passed: it is silent, as sojourn.silences says.
CREATE OR REPLACE VIEW sojourn.orphan_missed_heartbeat AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'missed-heartbeat' AS rule, false AS decided,
    silence.since,
    ARRAY[heard.position] AS evidence,
    format('a report or heartbeat of ti:%s by %s', i.task_instance_id, sojourn.told(silence.since)) AS expected,
    format(
        'ti:%s is %s since %s and was to be heard of by %s', i.task_instance_id, i.status, sojourn.told(i.entered_at),
        sojourn.told(silence.since)
    ) AS explanation
FROM
    sojourn.active_instance AS i
    CROSS JOIN LATERAL (
        SELECT lower(s.range) AS since
        FROM unnest(sojourn.silences('task_instance', i.task_instance_id)) AS s (range)
        WHERE lower(s.range) < sojourn.moment() AND upper(s.range) > sojourn.moment()
    ) AS silence
    CROSS JOIN LATERAL sojourn.entered('task_instance', i.task_instance_id, ARRAY[i.status]) AS heard
WHERE i.status = ANY (i.awaits_report);

COMMENT ON VIEW sojourn.orphan_missed_heartbeat IS 'Task instances that were to be heard of by a time that has passed.';

-- The instance waits for a distributor's id, and has for longer than sojourn.never_launched_after.
CREATE OR REPLACE VIEW sojourn.orphan_never_launched AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'never-launched' AS rule, false AS decided,
    waiting.entered_at + threshold.allowed AS since,
    ARRAY[waiting.position] AS evidence,
    format(
        'ti:%s with a distributor id by %s', i.task_instance_id,
        sojourn.told(waiting.entered_at + threshold.allowed)
    ) AS expected,
    format(
        'ti:%s is %s, and no distributor has given it an id since %s (allowed: %s)',
        i.task_instance_id, i.status, sojourn.told(waiting.entered_at), threshold.allowed
    ) AS explanation
FROM
    (SELECT sojourn.orphan_threshold('never_launched_after')::interval) AS threshold (allowed)
    CROSS JOIN sojourn.active_instance AS i
    CROSS JOIN LATERAL sojourn.entered('task_instance', i.task_instance_id, i.awaits_distributor) AS waiting
WHERE
    i.status = ANY (i.awaits_distributor)
    AND NOT EXISTS (
        SELECT FROM sojourn.event AS e
        WHERE
            i.distributor_id IS NOT NULL -- by now
            AND e.stream = 'task_instance:' || i.task_instance_id
            AND e.data ->> 'distributor_id' IS NOT NULL
            AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at) <= sojourn.moment()
    )
    AND waiting.entered_at + threshold.allowed < sojourn.moment();

COMMENT ON VIEW sojourn.orphan_never_launched IS
    'Task instances that have waited for a distributor''s id for longer than sojourn.never_launched_after.';

-- The task belongs to a runner whose lease has run out, and who has sent no heartbeat for longer than
-- sojourn.runner_dead_after, or else than the task's lifecycle allows. Who never sent one is silent since the task was
-- given to it.
CREATE OR REPLACE VIEW sojourn.orphan_dead_runner AS
SELECT
    'task' AS entity_kind, t.task_id AS entity_id, t.task_id, t.workflow_id,
    'dead-runner' AS rule, false AS decided,
    greatest(heard.at + threshold.allowed, r.silent_since) AS since,
    ARRAY[standing.position] AS evidence,
    format(
        'a heartbeat of runner:%s by %s', t.owner,
        sojourn.told(greatest(heard.at + threshold.allowed, r.silent_since))
    ) AS expected,
    format(
        'task:%s is %s since %s and belongs to runner:%s, who has sent no heartbeat since %s (allowed: %s)',
        t.task_id, t.status, sojourn.told(t.entered_at), t.owner, sojourn.told(heard.at), threshold.allowed
    ) AS explanation
FROM
    sojourn.current_task AS t
    JOIN sojourn.lifecycle AS l ON l.name = t.lifecycle AND l.version = t.lifecycle_version
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    LEFT JOIN sojourn.runner AS r ON r.runner_id = t.owner
    CROSS JOIN LATERAL (
        SELECT coalesce(
            sojourn.orphan_threshold('runner_dead_after')::interval,
            make_interval(secs => (l.definition -> 'recovery' ->> 'runner_dead_after')::float8),
            '10 minutes'
        )
    ) AS threshold (allowed)
    CROSS JOIN LATERAL (SELECT coalesce(r.heard_at, t.entered_at)) AS heard (at)
    CROSS JOIN LATERAL sojourn.entered('task', t.task_id, ARRAY[t.status]) AS standing
WHERE
    t.owner IS NOT NULL
    AND t.status = ANY (c.active)
    AND (r.runner_id IS NULL OR r.silent_since IS NOT NULL)
    AND heard.at + threshold.allowed < sojourn.moment();

COMMENT ON VIEW sojourn.orphan_dead_runner IS
    'Tasks that belong to a runner who has been silent for longer than is allowed.';

-- The entity has been in a status that ends nothing for longer than is allowed for that status and template: as
-- sojourn.stuck_after says ({"RUNNING": "2h", "align/RUNNING": "30m"}), else sojourn.stuck_factor times the 99th
-- percentile of the stays that have ended, where there are sojourn.stuck_minimum of them; never less than
-- sojourn.stuck_floor.
CREATE OR REPLACE VIEW sojourn.orphan_stuck AS
WITH threshold AS (
    SELECT
        sojourn.orphan_threshold('stuck_after')::jsonb AS given,
        sojourn.orphan_threshold('stuck_factor')::float8 AS factor,
        sojourn.orphan_threshold('stuck_minimum')::bigint AS minimum,
        sojourn.orphan_threshold('stuck_floor')::interval AS least
),
standing AS (
    SELECT
        'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id, i.status,
        i.entered_at, i.lifecycle, i.template
    FROM sojourn.active_instance AS i
    UNION ALL
    SELECT 'task', t.task_id, t.task_id, t.workflow_id, t.status, t.entered_at, t.lifecycle, t.template
    FROM
        sojourn.current_task AS t
        JOIN sojourn.lifecycle_class AS c
            ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    WHERE t.status = ANY (c.active)
),
allowed AS MATERIALIZED (
    SELECT
        s.*, h.*,
        coalesce(h.given ->> (s.template || '/' || s.status), h.given ->> s.status)::interval AS given_after
    FROM standing AS s CROSS JOIN threshold AS h
    WHERE s.entered_at + h.least <= sojourn.moment() OR h.given <> '{}'
),
kind AS (
    SELECT DISTINCT a.entity_kind, a.lifecycle, a.status FROM allowed AS a WHERE a.given_after IS NULL
),
stay AS (
    SELECT
        t.entity_kind, t.task_id, t.status,
        lead(t.entered_at) OVER (PARTITION BY t.entity_kind, t.entity_id ORDER BY t.version) - t.entered_at AS lasted
    FROM sojourn.transition AS t
    WHERE
        t.entity_kind IN (SELECT k.entity_kind FROM kind AS k)
        AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
),
usual AS (
    SELECT
        s.entity_kind, p.lifecycle, p.template, s.status,
        count(*) AS stays,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY s.lasted) AS p99
    FROM
        stay AS s
        JOIN sojourn.task AS p ON p.task_id = s.task_id
    WHERE
        s.lasted IS NOT NULL
        AND (s.entity_kind, p.lifecycle, s.status) IN (SELECT k.entity_kind, k.lifecycle, k.status FROM kind AS k)
    GROUP BY s.entity_kind, p.lifecycle, p.template, s.status
),
limited AS (
    SELECT
        a.*, u.stays, u.p99,
        coalesce(a.given_after, CASE WHEN u.p99 IS NOT NULL THEN greatest(a.factor * u.p99, a.least) END) AS after
    FROM
        allowed AS a
        LEFT JOIN usual AS u
            ON u.entity_kind = a.entity_kind AND u.lifecycle = a.lifecycle AND u.status = a.status
            AND u.template IS NOT DISTINCT FROM a.template AND u.stays >= a.minimum
)
SELECT
    l.entity_kind, l.entity_id, l.task_id, l.workflow_id,
    'stuck' AS rule, false AS decided,
    l.entered_at + l.after AS since,
    ARRAY[entered.position] AS evidence,
    format('%s in another status than %s by %s', n.name, l.status, sojourn.told(l.entered_at + l.after)) AS expected,
    format('%s has been %s since %s; ', n.name, l.status, sojourn.told(l.entered_at)) || CASE
        WHEN l.given_after IS NOT NULL THEN format('allowed: %s', l.after)
        ELSE format(
            '99 of 100 stays there of %s have lasted %s at most (of %s); %s times that is allowed, and %s at least',
            coalesce('template ' || l.template, 'its kind'), date_trunc('milliseconds', l.p99), l.stays, l.factor,
            l.least
        )
    END AS explanation
FROM
    limited AS l
    CROSS JOIN LATERAL (
        SELECT CASE l.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || l.entity_id
    ) AS n (name)
    CROSS JOIN LATERAL sojourn.entered(l.entity_kind, l.entity_id, ARRAY[l.status]) AS entered
WHERE l.entered_at + l.after < sojourn.moment();

COMMENT ON VIEW sojourn.orphan_stuck IS
    'Entities that have been in a status that ends nothing for longer than is allowed.';

-- The task is in a status that an active instance implies, and no instance of it is active: the last one to end did so
-- after the task entered that status, and left it there.
CREATE OR REPLACE VIEW sojourn.orphan_stalled_task AS
SELECT
    'task' AS entity_kind, t.task_id AS entity_id, t.task_id, t.workflow_id,
    'stalled-task' AS rule, false AS decided,
    greatest(waiting.entered_at, last.entered_at) AS since,
    ARRAY[waiting.position, last.position] AS evidence,
    format('task:%s in another status than %s, when ti:%s ended', t.task_id, t.status, last.task_instance_id)
        AS expected,
    format(
        'task:%s is %s since %s and waits on ti:%s, which ended as %s at %s',
        t.task_id, t.status, sojourn.told(waiting.entered_at), last.task_instance_id, last.status,
        sojourn.told(last.entered_at)
    ) AS explanation
FROM
    sojourn.current_task AS t
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    CROSS JOIN LATERAL sojourn.entered('task', t.task_id, ARRAY[t.status]) AS waiting
    CROSS JOIN LATERAL (
        SELECT i.task_instance_id, i.status, ended.entered_at, ended.position
        FROM
            sojourn.current_task_instance AS i
            CROSS JOIN LATERAL sojourn.entered('task_instance', i.task_instance_id, ARRAY[i.status]) AS ended
        WHERE i.task_id = t.task_id
        ORDER BY ended.position DESC
        LIMIT 1
    ) AS last
WHERE
    t.status = ANY (c.awaits_instance)
    AND last.position > waiting.position
    AND NOT EXISTS (SELECT FROM sojourn.active_instance AS a WHERE a.task_id = t.task_id);

COMMENT ON VIEW sojourn.orphan_stalled_task IS
    'Tasks in a status that an active instance implies, of whose instances none is active.';

-- The orphan rule has ended the instance already: it reported a failure after its task had ended.
CREATE OR REPLACE VIEW sojourn.orphan_late_report AS
SELECT
    'task_instance' AS entity_kind, r.entity_id, r.task_id, r.workflow_id,
    'late-report' AS rule, true AS decided,
    r.entered_at AS since,
    ARRAY[ended.position, r.position] AS evidence,
    format(
        'ti:%s reporting %s before %s, when task:%s ended',
        r.entity_id, r.reported, sojourn.told(ended.entered_at), r.task_id
    ) AS expected,
    format(
        'ti:%s reported %s at %s; task:%s was already %s since %s%s; rule %s %s',
        r.entity_id, r.reported, sojourn.told(r.entered_at), r.task_id, ended.status, sojourn.told(ended.entered_at),
        ' by ti:' || substring(e.data ->> 'cause' FROM '^task_instance:(.+)@[0-9]+$'), r.rule,
        CASE WHEN r.reported = r.status THEN 'left the task so' ELSE format('turned %s into %s', r.reported, r.status) END
    ) AS explanation
FROM
    sojourn.transition AS r
    CROSS JOIN LATERAL (
        SELECT t.position, t.status, t.entered_at
        FROM sojourn.transition AS t
        WHERE t.entity_kind = 'task' AND t.entity_id = r.task_id AND t.position < r.position
        ORDER BY t.version DESC
        LIMIT 1
    ) AS ended
    JOIN sojourn.event AS e ON e.position = ended.position
WHERE
    r.entity_kind = 'task_instance' AND r.rule = 'orphaned-instance'
    AND r.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity');

COMMENT ON VIEW sojourn.orphan_late_report IS
    'Task instances that reported a failure after their task had ended, and that the orphan rule has ended.';

-- Every orphan, now or as of sojourn.as_of: each rule is a view of its own. since: from when on the rule has held;
-- evidence: positions in the log; expected: what should be there, and is missing. decided: a rule of the lifecycle has
-- ended it already.
CREATE OR REPLACE VIEW sojourn.orphan AS
SELECT
    CASE o.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || o.entity_id AS entity,
    o.rule, o.since, o.evidence, o.expected, o.explanation, o.decided, o.workflow_id, o.task_id, o.entity_kind,
    o.entity_id
FROM (
    SELECT * FROM sojourn.orphan_terminal_parent
    UNION ALL
    SELECT * FROM sojourn.orphan_superseded
    UNION ALL
    SELECT * FROM sojourn.orphan_missed_heartbeat
    UNION ALL
    SELECT * FROM sojourn.orphan_never_launched
    UNION ALL
    SELECT * FROM sojourn.orphan_dead_runner
    UNION ALL
    SELECT * FROM sojourn.orphan_stuck
    UNION ALL
    SELECT * FROM sojourn.orphan_stalled_task
    UNION ALL
    SELECT * FROM sojourn.orphan_late_report
) AS o;

COMMENT ON VIEW sojourn.orphan IS
    'Every orphan by every rule, now or as of sojourn.as_of. decided: a rule of the lifecycle has ended it '
    'already.';

-- Views read with the rights of their owner, functions with those of whoever calls them: a function that writes, or
-- that reads a table, is of no use to a reader. Only what is not yet granted is, so that a rebuild need not write here.
CREATE OR REPLACE FUNCTION sojourn.grant_reader() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    IF to_regrole('sojourn_reader') IS NULL THEN
        RETURN;
    END IF;
    IF NOT has_schema_privilege('sojourn_reader', 'sojourn', 'USAGE') THEN
        GRANT USAGE ON SCHEMA sojourn TO sojourn_reader;
    END IF;
    FOR granted IN
        SELECT format('SELECT ON %s', c.oid::regclass) AS privilege
        FROM pg_class AS c
        WHERE
            c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'v'
            AND NOT has_table_privilege('sojourn_reader', c.oid, 'SELECT')
        UNION ALL
        SELECT format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE
            p.pronamespace = 'sojourn'::regnamespace AND p.prokind = 'f' AND p.provolatile <> 'v'
            AND NOT has_function_privilege('sojourn_reader', p.oid, 'EXECUTE')
    LOOP
        EXECUTE 'GRANT ' || granted.privilege || ' TO sojourn_reader';
    END LOOP;
END
$$;

COMMENT ON FUNCTION sojourn.grant_reader IS
    'Lets the role sojourn_reader, where there is one, read every view of this schema and call every function that '
    'only reads.';

SELECT sojourn.grant_reader();
