-- What the log has brought each entity to. Their rows are what the gate locks.
-- No column that changes is indexed, so that updates stay on their page.

CREATE TABLE sojourn.task (
    task_id           text COLLATE "C" PRIMARY KEY CHECK (length(task_id) BETWEEN 1 AND 255),
    workflow_id       text COLLATE "C" NOT NULL,
    lifecycle         text COLLATE "C" NOT NULL,
    lifecycle_version integer NOT NULL,
    template          text COLLATE "C",
    array_id          text COLLATE "C",
    max_attempts      integer NOT NULL CHECK (max_attempts > 0),
    num_attempts      integer NOT NULL CHECK (num_attempts >= 0),
    instances         integer NOT NULL DEFAULT 0 CHECK (instances >= 0),
    status            text COLLATE "C" NOT NULL,
    entered_at        timestamptz NOT NULL,
    version           integer NOT NULL CHECK (version > 0)
) WITH (fillfactor = 80);
CREATE INDEX task_workflow_id_idx ON sojourn.task (workflow_id);

CREATE TABLE sojourn.task_instance (
    task_instance_id text COLLATE "C" PRIMARY KEY CHECK (length(task_instance_id) BETWEEN 1 AND 255),
    task_id          text COLLATE "C" NOT NULL,
    workflow_id      text COLLATE "C" NOT NULL,
    ordinal          integer NOT NULL CHECK (ordinal > 0),
    status           text COLLATE "C" NOT NULL,
    entered_at       timestamptz NOT NULL,
    report_by_date   timestamptz,
    distributor_id   text,
    version          integer NOT NULL CHECK (version > 0),
    UNIQUE (task_id, ordinal)
) WITH (fillfactor = 80);

-- One typed row for each status that was entered.
CREATE TABLE sojourn.transition (
    position        bigint NOT NULL,
    entity_kind     text COLLATE "C" NOT NULL CHECK (entity_kind IN ('task', 'task_instance')),
    entity_id       text COLLATE "C" NOT NULL,
    version         integer NOT NULL,
    task_id         text COLLATE "C" NOT NULL,
    workflow_id     text COLLATE "C" NOT NULL,
    previous_status text COLLATE "C",
    status          text COLLATE "C" NOT NULL,
    entered_at      timestamptz NOT NULL,
    reported        text COLLATE "C",
    rule            text COLLATE "C",
    actor           text COLLATE "C",
    num_attempts    integer,
    report_by_date  timestamptz,
    PRIMARY KEY (entity_kind, entity_id, version),
    CONSTRAINT transition_begins_once CHECK ((previous_status IS NULL) = (version = 1))
);
