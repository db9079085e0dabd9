-- Brings the current status and the transitions up to a set of events, in the transaction that appends them.
-- Whatever inserts into the log is projected: a single append, COPY, an import.
-- Plans are made for lookups by key whatever the statistics say: a new table has none yet.
CREATE OR REPLACE FUNCTION sojourn.project_appended() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    some_registered boolean;
    some_created    boolean;
    some_continued  boolean;
BEGIN
    INSERT INTO sojourn.transition (
        position, entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, entered_at,
        reported, rule, actor, num_attempts, report_by_date
    )
    SELECT
        e.position, split_part(e.stream, ':', 1), s.id, e.version, coalesce(d.task_id, s.id), e.workflow_id,
        d.previous_status, d.status, e.entered_at, d.reported, d.rule, d.actor, d.num_attempts, d.report_by_date
    FROM
        appended AS e,
        LATERAL sojourn.decode(e.data) AS d,
        LATERAL (SELECT substr(e.stream, strpos(e.stream, ':') + 1)) AS s (id)
    WHERE d.previous_status IS NOT NULL OR e.version = 1;

    SELECT
        bool_or(e.name = 'task.registered.v1'), bool_or(e.name = 'task_instance.created.v1'), bool_or(e.version > 1)
    INTO some_registered, some_created, some_continued
    FROM appended AS e;

    IF some_registered THEN
        INSERT INTO sojourn.task (
            task_id, workflow_id, lifecycle, lifecycle_version, template, array_id, max_attempts, num_attempts,
            status, entered_at, version
        )
        SELECT
            substr(e.stream, 6), e.workflow_id, d.lifecycle, d.lifecycle_version, d.template, d.array_id,
            d.max_attempts, d.num_attempts, d.status, e.entered_at, e.version
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
        WHERE e.name = 'task.registered.v1';
    END IF;

    IF some_created THEN
        INSERT INTO sojourn.task_instance (
            task_instance_id, task_id, workflow_id, ordinal, status, entered_at, report_by_date, distributor_id,
            version
        )
        SELECT
            substr(e.stream, 15), d.task_id, e.workflow_id, d.ordinal, d.status, e.entered_at, d.report_by_date,
            d.distributor_id, e.version
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
        WHERE e.name = 'task_instance.created.v1';

        UPDATE sojourn.task AS t SET instances = newest.ordinal
        FROM (
            SELECT d.task_id, max(d.ordinal) AS ordinal
            FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
            WHERE e.name = 'task_instance.created.v1'
            GROUP BY d.task_id
        ) AS newest
        WHERE t.task_id = newest.task_id;
    END IF;

    IF some_continued THEN
        UPDATE sojourn.task AS t
        SET status = d.status, num_attempts = d.num_attempts, entered_at = e.entered_at, version = e.version
        FROM
            (
                SELECT DISTINCT ON (a.stream) * FROM appended AS a
                WHERE a.version > 1 AND starts_with(a.stream, 'task:')
                ORDER BY a.stream, a.version DESC
            ) AS e,
            LATERAL sojourn.decode(e.data) AS d
        WHERE t.task_id = substr(e.stream, 6);

        UPDATE sojourn.task_instance AS i
        SET
            status = d.status, entered_at = e.entered_at, report_by_date = d.report_by_date,
            distributor_id = d.distributor_id, version = e.version
        FROM
            (
                SELECT DISTINCT ON (a.stream) * FROM appended AS a
                WHERE a.version > 1 AND starts_with(a.stream, 'task_instance:')
                ORDER BY a.stream, a.version DESC
            ) AS e,
            LATERAL sojourn.decode(e.data) AS d
        WHERE i.task_instance_id = substr(e.stream, 15);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER project_appended
    AFTER INSERT ON sojourn.event
    REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.project_appended();
