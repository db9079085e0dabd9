-- Make the table that has one row an event, in typed columns: the JSON and the transition of an event repeat most of each other.
-- It is a table of partitions, ranges of positions, of which the first has everything. `sojourn setup` runs this ahead and
-- copies the log, while readers and writers go on; then it runs this again and goes on with the next migration.
DO $$
DECLARE
    dependents text := (
        SELECT string_agg(DISTINCT r.ev_class::regclass::text, ', ')
        FROM
            pg_depend AS d
            JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
            JOIN pg_class AS c ON c.oid = r.ev_class
        WHERE
            d.refclassid = 'pg_class'::regclass
            AND d.refobjid IN ('sojourn.event'::regclass, 'sojourn.transition'::regclass)
            AND c.relnamespace <> 'sojourn'::regnamespace
    );
BEGIN
    IF dependents IS NOT NULL THEN
        RAISE EXCEPTION '% reads the table sojourn.event or sojourn.transition itself, which becomes a view', dependents
            USING
                ERRCODE = 'dependent_objects_still_exist',
                HINT = 'Drop it, run `sojourn setup` again, and create it again: the views have the same columns.';
    END IF;
END
$$;

-- Fixed widths come first, because they need no padding then, and what analytics read before what they do not.
CREATE TABLE IF NOT EXISTS sojourn.stored_event (
    position        bigint NOT NULL DEFAULT nextval('sojourn.event_position') PRIMARY KEY,
    entered_at      timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    occurred_at     timestamptz,
    report_by_date  timestamptz,
    version         integer NOT NULL CHECK (version > 0),
    num_attempts    integer,
    ordinal         integer,
    actor_pid       integer,
    entity_kind     text COLLATE "C" NOT NULL,
    entity_id       text COLLATE "C" NOT NULL,
    workflow_id     text COLLATE "C" NOT NULL CHECK (length(workflow_id) BETWEEN 1 AND 255),
    status          text COLLATE "C",
    previous_status text COLLATE "C",
    task_id         text COLLATE "C",
    actor           text COLLATE "C",
    reported        text COLLATE "C",
    rule            text COLLATE "C",
    event_type      text COLLATE "C",
    cause           text COLLATE "C",
    actor_host      text,
    actor_user      text,
    reason          text,
    owner           text COLLATE "C",
    runner_id       text,
    command_id      text COLLATE "C",
    distributor_id  text,
    rest            jsonb,
    CONSTRAINT event_belongs_to_its_stream CHECK (event_type <> ''),
    CONSTRAINT rest_is_an_object CHECK (jsonb_typeof(rest) = 'object'),
    CONSTRAINT transition_begins_once CHECK (
        entity_kind NOT IN ('task', 'task_instance')
        OR (status IS NOT NULL AND (version > 1 OR previous_status IS NULL))
    )
) PARTITION BY RANGE (position);
-- It ends nowhere until `sojourn maintain` gives it an end and adds the next ones.
CREATE TABLE IF NOT EXISTS sojourn.stored_event_1 PARTITION OF sojourn.stored_event (
    CONSTRAINT stored_event_1_entity_version_key UNIQUE (entity_kind, entity_id, version)
) FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
COMMENT ON TABLE sojourn.stored_event IS
    'One row an event, never changed. Read sojourn.event, which shows each with its stream, name and JSON.';
COMMENT ON COLUMN sojourn.stored_event.actor IS 'The component of the actor; the others that begin with it are the rest of it.';
COMMENT ON COLUMN sojourn.stored_event.event_type IS
    'What the name of the event has after the kind of its entity; NULL is transitioned.v1.';
COMMENT ON COLUMN sojourn.stored_event.cause IS
    'The event that caused it, without its kind: that of a task is of an instance, and that of an instance is of a task.';
COMMENT ON COLUMN sojourn.stored_event.rest IS
    'The fields of the event that no column has, or that the JSON of a column does not show exactly. NULL is none.';

-- What ended, or went on, within a day is found by it. It is tiny, because each entry covers many pages.
CREATE INDEX IF NOT EXISTS stored_event_entered_at_idx ON sojourn.stored_event USING brin (entered_at) WITH (autosummarize = on);
-- What belongs to a workflow. It is small, because a value that repeats is stored once for many rows.
CREATE INDEX IF NOT EXISTS stored_event_workflow_id_idx ON sojourn.stored_event (workflow_id);
-- The orphans of the rule late-report, of which there are few.
CREATE INDEX IF NOT EXISTS stored_event_orphaned_instance_idx ON sojourn.stored_event (workflow_id, entity_id)
WHERE entity_kind = 'task_instance' AND rule = 'orphaned-instance';
-- When the entities of a workflow began, in that order. Only the first event of an entity is in it.
CREATE INDEX IF NOT EXISTS stored_event_beginning_idx ON sojourn.stored_event (workflow_id, entity_kind, entered_at, position)
WHERE version = 1;

-- Return an event as sojourn.stored_event has it: sojourn.event shows the same event again.
CREATE OR REPLACE FUNCTION sojourn.store_event(event sojourn.event) RETURNS SETOF sojourn.stored_event
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        event.position, event.entered_at, event.recorded_at, event.occurred_at, d.report_by_date, event.version, d.num_attempts,
        CASE WHEN event.data ->> 'ordinal' ~ '^-?[0-9]{1,9}$' THEN (event.data ->> 'ordinal')::integer END,
        CASE WHEN exact.actor THEN (d.actor ->> 'pid')::integer END, n.entity_kind,
        substr(event.stream, length(n.entity_kind) + 2), event.workflow_id, d.status, d.previous_status, d.task_id,
        d.actor ->> 'component', d.reported, d.rule,
        CASE
            WHEN starts_with(event.name, n.entity_kind || '.')
                THEN nullif(substr(event.name, length(n.entity_kind) + 2), 'transitioned.v1')
            ELSE ''
        END,
        CASE WHEN exact.cause THEN substr(d.cause, length(n.causing) + 1) END,
        CASE WHEN exact.actor THEN d.actor ->> 'host' END, CASE WHEN exact.actor THEN d.actor ->> 'user' END,
        d.reason, d.owner, d.runner_id, d.command_id, d.distributor_id,
        nullif(
            event.data - ARRAY(
                SELECT s.key
                FROM unnest(
                    '{rule,owner,reason,status,task_id,reported,runner_id,command_id,distributor_id}'::text []
                    || '{previous_status}'::text []
                ) AS s (key)
                WHERE jsonb_typeof(event.data -> s.key) = 'string'
            ) - ARRAY[
                CASE WHEN exact.actor THEN 'actor' END, CASE WHEN exact.cause THEN 'cause' END,
                CASE
                    WHEN jsonb_typeof(event.data -> 'ordinal') = 'number'
                        AND event.data ->> 'ordinal' ~ '^-?[0-9]{1,9}$' THEN 'ordinal'
                END,
                CASE
                    WHEN event.data -> 'num_attempts' = to_jsonb(d.num_attempts)
                        AND event.data ->> 'num_attempts' = d.num_attempts::text THEN 'num_attempts'
                END,
                CASE
                    WHEN event.data ->> 'report_by_date' = replace(
                        to_char(d.report_by_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                        '.000000Z', 'Z'
                    ) THEN 'report_by_date'
                END
            ]::text [],
            '{}'
        )
    FROM
        jsonb_to_record(event.data) AS d (
            actor jsonb, rule text, cause text, owner text, reason text, status text, task_id text,
            reported text, runner_id text, command_id text, num_attempts integer, distributor_id text,
            report_by_date timestamptz, previous_status text
        )
        CROSS JOIN LATERAL (
            SELECT
                split_part(event.stream, ':', 1),
                CASE split_part(event.stream, ':', 1)
                    WHEN 'task' THEN 'task_instance:' WHEN 'task_instance' THEN 'task:'
                END
        ) AS n (entity_kind, causing)
        CROSS JOIN LATERAL (
            SELECT
                coalesce(
                    jsonb_typeof(d.actor) = 'object'
                    AND d.actor - '{component,host,pid,user}'::text [] = '{}'
                    AND jsonb_typeof(d.actor -> 'component') = 'string'
                    AND coalesce(jsonb_typeof(d.actor -> 'host'), 'string') = 'string'
                    AND coalesce(jsonb_typeof(d.actor -> 'user'), 'string') = 'string'
                    AND coalesce(jsonb_typeof(d.actor -> 'pid'), 'number') = 'number'
                    AND coalesce(d.actor ->> 'pid', '0') ~ '^-?[0-9]{1,9}$',
                    false
                ),
                coalesce(
                    jsonb_typeof(event.data -> 'cause') = 'string' AND starts_with(d.cause, n.causing), false
                )
        ) AS exact (actor, cause)
$$;
