-- Store with each event whether it is a transition, so that no reader derives it, and type the fields that projections
-- need. The column rewrites the log once, under a lock that stops readers and writers.
ALTER TABLE sojourn.event
    ADD COLUMN is_transition boolean NOT NULL
        GENERATED ALWAYS AS (version = 1 OR data ? 'previous_status') STORED;
COMMENT ON COLUMN sojourn.event.is_transition IS
    'Whether the entity enters a status with this event: its first event, and each one that has a previous_status.';

CREATE TYPE sojourn.event_fields AS (
    position        bigint,
    entity_kind     text COLLATE "C",
    entity_id       text COLLATE "C",
    version         integer,
    is_transition   boolean,
    workflow_id     text COLLATE "C",
    entered_at      timestamptz,
    previous_status text COLLATE "C",
    status          text COLLATE "C",
    reported        text COLLATE "C",
    rule            text COLLATE "C",
    actor           text COLLATE "C",
    num_attempts    integer,
    task_id         text COLLATE "C",
    report_by_date  timestamptz,
    distributor_id  text,
    owner           text COLLATE "C",
    state           jsonb
);
COMMENT ON TYPE sojourn.event_fields IS 'The fields of an event that projections use, with their types.';
