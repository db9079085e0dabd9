-- Erasures: what the log and the archives have of a person is replaced by a name that stands for nobody.
CREATE TABLE sojourn.erasure (
    number      integer PRIMARY KEY CHECK (number > 0),
    actor       text COLLATE "C",
    workflow_id text COLLATE "C",
    events      bigint NOT NULL DEFAULT 0 CHECK (events >= 0),
    began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    written_by  xid8,
    CONSTRAINT erasure_forgets_its_actor CHECK ((actor IS NULL) = (ended_at IS NOT NULL))
);
COMMENT ON TABLE sojourn.erasure IS
    'One row for each erasure; the log has who asked for it, and why, in the stream log:erased-NUMBER.';
COMMENT ON COLUMN sojourn.erasure.actor IS
    'Who is erased, until the erasure has ended: an erasure that was killed goes on under its number.';
COMMENT ON COLUMN sojourn.erasure.workflow_id IS 'The workflow to which it is limited, if it is.';
COMMENT ON COLUMN sojourn.erasure.written_by IS
    'The transaction that erases: while it runs, the log lets exactly these fields change.';
