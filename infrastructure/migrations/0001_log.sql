-- The log: what happened, for good. Everything else in this schema can be made from it again.

CREATE TABLE sojourn.lifecycle (
    name       text COLLATE "C" NOT NULL,
    version    integer NOT NULL CHECK (version > 0),
    definition json NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE sojourn.lifecycle IS 'The definitions that tasks are pinned to, so that later readers need no file.';

CREATE SEQUENCE sojourn.event_position;

CREATE TABLE sojourn.event (
    position    bigint NOT NULL DEFAULT nextval('sojourn.event_position') PRIMARY KEY,
    stream      text COLLATE "C" NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    name        text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL CHECK (length(workflow_id) BETWEEN 1 AND 255),
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz,
    entered_at  timestamptz NOT NULL,
    data        jsonb NOT NULL,
    UNIQUE (stream, version),
    CONSTRAINT event_belongs_to_its_stream CHECK (starts_with(stream, split_part(name, '.', 1) || ':'))
);
ALTER SEQUENCE sojourn.event_position OWNED BY sojourn.event.position;
COMMENT ON TABLE sojourn.event IS 'One row an event, never changed. A stream is one entity: task:ID, task_instance:ID.';
COMMENT ON COLUMN sojourn.event.recorded_at IS 'The clock of this database, read once the entity was locked.';
COMMENT ON COLUMN sojourn.event.occurred_at IS 'When it happened as the source claims, where it claims anything.';
COMMENT ON COLUMN sojourn.event.entered_at IS
    'Since when the entity is in the status that it has after this event: '
    'greatest(coalesce(occurred_at, recorded_at), entered_at before) where the event enters a status.';

CREATE TABLE sojourn.command (
    command_id  text COLLATE "C" PRIMARY KEY CHECK (length(command_id) BETWEEN 1 AND 255),
    request     text NOT NULL,
    response    jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE sojourn.command IS 'What each command id was first answered with; request is a digest of what it asked.';
