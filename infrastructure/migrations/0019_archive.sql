-- What was moved to an archive: a tombstone for each workflow, and the streams of its entities by their hash.

-- An archive's folder names the log that it belongs to, so that no other log settles it.
CREATE TABLE sojourn.log_identity (
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    singleton boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (singleton)
);
INSERT INTO sojourn.log_identity DEFAULT VALUES;
COMMENT ON TABLE sojourn.log_identity IS 'The name of this log: the folder of an archive states whose it is.';

CREATE TABLE sojourn.archived_workflow (
    workflow_id    text COLLATE "C" PRIMARY KEY CHECK (length(workflow_id) BETWEEN 1 AND 255),
    number         integer NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    unit           text COLLATE "C" NOT NULL,
    folder         text NOT NULL,
    file           text COLLATE "C" NOT NULL,
    entities       bigint NOT NULL CHECK (entities > 0),
    events         bigint NOT NULL CHECK (events > 0),
    first_position bigint NOT NULL,
    last_position  bigint NOT NULL,
    digest         bytea NOT NULL CHECK (length(digest) = 32),
    archived_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_by     xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX archived_workflow_unit_idx ON sojourn.archived_workflow (unit);
CREATE INDEX archived_workflow_file_idx ON sojourn.archived_workflow (file);
CREATE INDEX archived_workflow_last_position_idx ON sojourn.archived_workflow (last_position);
COMMENT ON TABLE sojourn.archived_workflow IS 'A tombstone for each workflow whose events are in an archive.';
COMMENT ON COLUMN sojourn.archived_workflow.unit IS
    'One of the workflows that link to each other: they go, come back and are read together.';
COMMENT ON COLUMN sojourn.archived_workflow.digest IS 'The SHA-256 of the digests of its events, by their positions.';
COMMENT ON COLUMN sojourn.archived_workflow.removed_by IS
    'The transaction that removed its events: while it runs, the log lets exactly these go.';

CREATE TABLE sojourn.archived_entity (
    stream_hash bigint NOT NULL,
    number      integer NOT NULL,
    PRIMARY KEY (stream_hash, number)
);
COMMENT ON TABLE sojourn.archived_entity IS
    'The streams of archived workflows, as sojourn.hash_stream shortens them; number is that of the tombstone.';

CREATE TABLE sojourn.archived_leaf (
    position bigint PRIMARY KEY,
    leaf     bytea NOT NULL CHECK (length(leaf) = 32)
);
COMMENT ON TABLE sojourn.archived_leaf IS
    'What seals state of archived events, so that the seals hold without them. A log without seals has none.';
