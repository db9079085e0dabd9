-- What tasks are a part of, what they wait for before they begin, and what an entity waits for in its status.
ALTER TABLE sojourn.task
    ADD COLUMN parent_id text COLLATE "C",
    ADD CONSTRAINT task_is_not_its_parent CHECK (parent_id <> task_id);
CREATE INDEX task_parent_id_idx ON sojourn.task (parent_id) WHERE parent_id IS NOT NULL;
COMMENT ON COLUMN sojourn.task.parent_id IS 'The task that it is a part of: a run, whose end does not move it.';

CREATE TABLE sojourn.dependency (
    position    bigint NOT NULL,
    task_id     text COLLATE "C" NOT NULL,
    upstream_id text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    since       timestamptz NOT NULL,
    PRIMARY KEY (task_id, upstream_id),
    CONSTRAINT dependency_is_on_another CHECK (task_id <> upstream_id)
);
CREATE INDEX dependency_upstream_id_idx ON sojourn.dependency (upstream_id, task_id);
COMMENT ON TABLE sojourn.dependency IS
    'The tasks that a task waits for before its first attempt. since is when that became known; workflow_id is that of '
    'the task that waits.';

CREATE TABLE sojourn.wait (
    position    bigint NOT NULL,
    entity_kind text COLLATE "C" NOT NULL CHECK (entity_kind IN ('task', 'task_instance')),
    entity_id   text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    task_id     text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    status      text COLLATE "C" NOT NULL,
    since       timestamptz NOT NULL,
    kind        text COLLATE "C" NOT NULL
        CHECK (kind IN ('dependency', 'resources', 'slot', 'schedule', 'hold', 'retry-delay')),
    detail      text COLLATE "C",
    holders     text [] COLLATE "C",
    PRIMARY KEY (entity_kind, entity_id, version)
);
CREATE INDEX wait_workflow_id_idx ON sojourn.wait (workflow_id);
COMMENT ON TABLE sojourn.wait IS
    'What entities waited for: one row for each event that states it. It holds until the entity leaves the status, or '
    'states something else.';
