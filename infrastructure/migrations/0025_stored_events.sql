-- Store each event once, in typed columns: its JSON and its transition repeated most of it. sojourn.event and
-- sojourn.transition become views that show what they had. The tables of before go once no view of Sojourn reads them.
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

-- Nobody adds an event meanwhile.
LOCK TABLE sojourn.event, sojourn.transition IN ACCESS EXCLUSIVE MODE;
ALTER TABLE sojourn.event RENAME TO event_before_0025;
ALTER TABLE sojourn.transition RENAME TO transition_before_0025;

-- The functions that take an event take a row of the view; this version's objects are created after this.
DO $$
DECLARE
    old regprocedure;
BEGIN
    FOR old IN
        SELECT p.oid FROM pg_proc AS p
        WHERE
            p.pronamespace = 'sojourn'::regnamespace
            AND p.proargtypes::oid [] && ARRAY[
                'sojourn.event_before_0025'::regtype, 'sojourn.event_before_0025[]'::regtype,
                'sojourn.event_fields'::regtype
            ]::oid []
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
    FOR old IN
        SELECT p.oid FROM pg_proc AS p
        WHERE p.pronamespace = 'sojourn'::regnamespace AND p.prorettype = 'sojourn.event_fields'::regtype
    LOOP
        EXECUTE format('DROP FUNCTION %s', old);
    END LOOP;
END
$$;
DROP TYPE sojourn.event_fields;

-- Fixed widths come first, because they need no padding then, and what analytics read before what they do not.
CREATE TABLE sojourn.stored_event (
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
ALTER SEQUENCE sojourn.event_position OWNED BY sojourn.stored_event.position;
COMMENT ON TABLE sojourn.stored_event IS
    'One row an event, never changed. Read sojourn.event, which shows each with its stream, name and JSON.';
COMMENT ON COLUMN sojourn.stored_event.actor IS 'The component of the actor; the others that begin with it are the rest of it.';
COMMENT ON COLUMN sojourn.stored_event.event_type IS
    'What the name of the event has after the kind of its entity; NULL is transitioned.v1.';
COMMENT ON COLUMN sojourn.stored_event.cause IS
    'The event that caused it, without its kind: that of a task is of an instance, and that of an instance is of a task.';
COMMENT ON COLUMN sojourn.stored_event.rest IS
    'The fields of the event that no column has, or that the JSON of a column does not show exactly. NULL is none.';

-- The partitions of before, with their bounds, one after the other.
DO $$
DECLARE
    part record;
    name text;
BEGIN
    FOR part IN
        SELECT c.oid::regclass AS old, c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'sojourn.event_before_0025'::regclass
        ORDER BY length(c.relname), c.relname COLLATE "C"
    LOOP
        name := 'stored_' || part.relname;
        EXECUTE format('CREATE TABLE sojourn.%I PARTITION OF sojourn.stored_event %s', name, part.bounds);
        EXECUTE format(
            $sql$
            INSERT INTO sojourn.%I
            SELECT
                e.position, e.entered_at, e.recorded_at, e.occurred_at, d.report_by_date, e.version, d.num_attempts,
                CASE WHEN e.data ->> 'ordinal' ~ '^-?[0-9]{1,9}$' THEN (e.data ->> 'ordinal')::integer END,
                CASE WHEN exact.actor THEN (d.actor ->> 'pid')::integer END, n.entity_kind,
                substr(e.stream, length(n.entity_kind) + 2), e.workflow_id, d.status, d.previous_status, d.task_id,
                d.actor ->> 'component', d.reported, d.rule,
                CASE
                    WHEN starts_with(e.name, n.entity_kind || '.')
                        THEN nullif(substr(e.name, length(n.entity_kind) + 2), 'transitioned.v1')
                    ELSE ''
                END,
                CASE WHEN exact.cause THEN substr(d.cause, length(n.causing) + 1) END,
                CASE WHEN exact.actor THEN d.actor ->> 'host' END, CASE WHEN exact.actor THEN d.actor ->> 'user' END,
                d.reason, d.owner, d.runner_id, d.command_id, d.distributor_id,
                nullif(
                    e.data - ARRAY(
                        SELECT s.key
                        FROM unnest(
                            '{rule,owner,reason,status,task_id,reported,runner_id,command_id,distributor_id}'::text []
                            || '{previous_status}'::text []
                        ) AS s (key)
                        WHERE jsonb_typeof(e.data -> s.key) = 'string'
                    ) - ARRAY[
                        CASE WHEN exact.actor THEN 'actor' END, CASE WHEN exact.cause THEN 'cause' END,
                        CASE
                            WHEN jsonb_typeof(e.data -> 'ordinal') = 'number'
                                AND e.data ->> 'ordinal' ~ '^-?[0-9]{1,9}$' THEN 'ordinal'
                        END,
                        CASE
                            WHEN e.data -> 'num_attempts' = to_jsonb(d.num_attempts)
                                AND e.data ->> 'num_attempts' = d.num_attempts::text THEN 'num_attempts'
                        END,
                        CASE
                            WHEN e.data ->> 'report_by_date' = replace(
                                to_char(d.report_by_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                                '.000000Z', 'Z'
                            ) THEN 'report_by_date'
                        END
                    ]::text [],
                    '{}'
                )
            FROM
                %s AS e
                CROSS JOIN LATERAL jsonb_to_record(e.data) AS d (
                    actor jsonb, rule text, cause text, owner text, reason text, status text, task_id text,
                    reported text, runner_id text, command_id text, num_attempts integer, distributor_id text,
                    report_by_date timestamptz, previous_status text
                )
                CROSS JOIN LATERAL (
                    SELECT
                        split_part(e.stream, ':', 1),
                        CASE split_part(e.stream, ':', 1)
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
                            jsonb_typeof(e.data -> 'cause') = 'string' AND starts_with(d.cause, n.causing), false
                        )
                ) AS exact (actor, cause)
            ORDER BY e.position
            $sql$,
            name, part.old
        );
        EXECUTE format(
            'ALTER TABLE sojourn.%I ADD CONSTRAINT %I UNIQUE (entity_kind, entity_id, version)',
            name, name || '_entity_version_key'
        );
    END LOOP;
END
$$;

-- What ended, or went on, within a day is found by it. It is tiny, because each entry covers many pages.
CREATE INDEX stored_event_entered_at_idx ON sojourn.stored_event USING brin (entered_at) WITH (autosummarize = on);
-- What belongs to a workflow. It is small, because a value that repeats is stored once for many rows.
CREATE INDEX stored_event_workflow_id_idx ON sojourn.stored_event (workflow_id);
-- The orphans of the rule late-report, of which there are few.
CREATE INDEX stored_event_orphaned_instance_idx ON sojourn.stored_event (workflow_id, entity_id)
WHERE entity_kind = 'task_instance' AND rule = 'orphaned-instance';
-- When the entities of a workflow began, in that order. Only the first event of an entity is in it.
CREATE INDEX stored_event_beginning_idx ON sojourn.stored_event (workflow_id, entity_kind, entered_at, position)
WHERE version = 1;
