-- How many tasks or task instances entered and left each status in each hour, so that concurrency over years is read from
-- thousands of rows. `sojourn maintain` keeps it up to the checkpoint of the subscription "sums".
CREATE TABLE sojourn.hour_sum (
    entity_kind    text COLLATE "C" NOT NULL CHECK (entity_kind IN ('task', 'task_instance')),
    status         text COLLATE "C" NOT NULL,
    by_template    boolean NOT NULL,
    template       text COLLATE "C",
    hour           timestamptz NOT NULL,
    net            bigint NOT NULL,
    most           bigint NOT NULL,
    entity_seconds numeric NOT NULL,
    first_at       timestamptz NOT NULL,
    last_at        timestamptz NOT NULL,
    CONSTRAINT hour_sum_key UNIQUE NULLS NOT DISTINCT (entity_kind, status, by_template, template, hour),
    CONSTRAINT hour_sum_is_of_all_or_of_a_template CHECK (by_template OR template IS NULL),
    CONSTRAINT hour_sum_is_of_its_hour CHECK (hour <= first_at AND first_at <= last_at)
);
COMMENT ON TABLE sojourn.hour_sum IS
    'The changes of how many were in a status during an hour (in UTC), over all templates and of each: what they add up '
    'to, the most at any moment and the entity-seconds until the end of the hour, both above the number at its beginning, '
    'and the first and the last change.';

-- The attempts at the tasks of a workflow, by template, so that those of all workflows are counted from a row for each.
CREATE TABLE sojourn.attempt_sum (
    workflow_id      text COLLATE "C" NOT NULL,
    template         text COLLATE "C",
    tasks            bigint NOT NULL,
    attempts         bigint NOT NULL CHECK (attempts > 0),
    most_attempts    integer NOT NULL,
    succeeded        bigint NOT NULL,
    failed           bigint NOT NULL,
    cancelled        bigint NOT NULL,
    interrupted      bigint NOT NULL,
    lost             bigint NOT NULL,
    open             bigint NOT NULL,
    first_succeeded  bigint NOT NULL,
    first_ended      bigint NOT NULL,
    ended_seconds    float8 NOT NULL,
    ran_seconds      float8 NOT NULL,
    wasted_seconds   float8 NOT NULL,
    open_since       numeric NOT NULL,
    running          bigint NOT NULL,
    running_since    numeric NOT NULL,
    begins_at        timestamptz NOT NULL,
    holds_from       timestamptz NOT NULL,
    holds_until      timestamptz NOT NULL,
    CONSTRAINT attempt_sum_key UNIQUE NULLS NOT DISTINCT (workflow_id, template)
);
COMMENT ON TABLE sojourn.attempt_sum IS
    'The attempts at the tasks of a workflow by template, as sojourn.count_attempts counts them as of any time between '
    'holds_from and holds_until. Open ones count from the sums of the seconds of the epoch at which they began '
    '(open_since) and at which they began to run (running_since).';
