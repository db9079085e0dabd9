-- Who was heard of, and until when that holds. A heartbeat is one row written anew, and no event: this table is not
-- made from the log. What it no longer says, that a lease ran out and for how long, is in the log.
-- No column that changes is indexed, so that heartbeats stay on their page.
CREATE TABLE sojourn.lease (
    holder       text COLLATE "C" PRIMARY KEY
        CHECK (starts_with(holder, 'runner:') OR starts_with(holder, 'task_instance:')),
    workflow_id  text COLLATE "C" NOT NULL CHECK (length(workflow_id) BETWEEN 1 AND 255),
    begun_at     timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    report_by    timestamptz NOT NULL,
    CONSTRAINT lease_begins_with_its_first_heartbeat CHECK (heartbeat_at >= begun_at),
    CONSTRAINT lease_ends_after_its_last_heartbeat CHECK (report_by >= heartbeat_at)
) WITH (fillfactor = 50);
COMMENT ON COLUMN sojourn.lease.holder IS 'The name of its stream: runner:ID, task_instance:ID.';
COMMENT ON COLUMN sojourn.lease.workflow_id IS 'That of the instance; a runner is of none, and has -.';
COMMENT ON COLUMN sojourn.lease.begun_at IS 'Its first heartbeat.';
COMMENT ON COLUMN sojourn.lease.heartbeat_at IS 'Its last heartbeat.';
COMMENT ON COLUMN sojourn.lease.report_by IS 'Until when it must be heard of again; after that it is silent.';
