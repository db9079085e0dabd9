-- Brings the current status and the transitions up to a set of events, in the transaction that appends them.
-- Whatever inserts into the log is projected: a single append, COPY, an import.
-- Plans are made for lookups by key whatever the statistics say: a new table has none yet.
CREATE OR REPLACE FUNCTION sojourn.project_appended() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM appended AS e WHERE e.version = 1 OR starts_with(e.stream, 'array:')) THEN
        INSERT INTO sojourn.task (
            task_id, workflow_id, lifecycle, lifecycle_version, template, array_id, max_attempts, num_attempts,
            status, entered_at, version, attributes
        )
        SELECT
            substr(e.stream, 6), e.workflow_id, e.data ->> 'lifecycle', (e.data ->> 'lifecycle_version')::integer,
            e.data ->> 'template', e.data ->> 'array_id', (e.data ->> 'max_attempts')::integer, d.num_attempts,
            d.status, e.entered_at, e.version, e.data -> 'attributes'
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
        WHERE e.name = 'task.registered.v1';

        INSERT INTO sojourn.task_instance (
            task_instance_id, task_id, workflow_id, ordinal, status, entered_at, report_by_date, distributor_id,
            version, array_id, batch_number, step
        )
        SELECT
            substr(e.stream, 15), d.task_id, e.workflow_id, (e.data ->> 'ordinal')::integer, d.status,
            e.entered_at, d.report_by_date, d.distributor_id, e.version, e.data ->> 'array_id',
            (e.data ->> 'batch_number')::integer, (e.data ->> 'step')::integer
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
        WHERE e.name = 'task_instance.created.v1';

        UPDATE sojourn.task AS t SET instances = newest.ordinal
        FROM (
            SELECT e.data ->> 'task_id' AS task_id, max((e.data ->> 'ordinal')::integer) AS ordinal
            FROM appended AS e
            WHERE e.name = 'task_instance.created.v1'
            GROUP BY e.data ->> 'task_id'
        ) AS newest
        WHERE t.task_id = newest.task_id;

        IF EXISTS (SELECT FROM appended AS e WHERE starts_with(e.stream, 'array:')) THEN
            INSERT INTO sojourn.array (
                array_id, workflow_id, task_template_version_id, name, max_concurrently_running, last_batch, entered_at,
                version
            )
            SELECT
                substr(e.stream, 7), e.workflow_id, e.data ->> 'task_template_version_id', e.data ->> 'array_name',
                (e.data ->> 'max_concurrently_running')::integer, (e.data ->> 'batch_number')::integer, e.entered_at,
                e.version
            FROM appended AS e
            WHERE e.name = 'array.bound.v1';

            UPDATE sojourn.array AS a
            SET
                max_concurrently_running = (e.data ->> 'max_concurrently_running')::integer,
                last_batch = (e.data ->> 'batch_number')::integer, version = e.version
            FROM (
                SELECT DISTINCT ON (n.stream) n.stream, n.version, n.data
                FROM appended AS n
                WHERE starts_with(n.stream, 'array:') AND n.version > 1
                ORDER BY n.stream, n.version DESC
            ) AS e
            WHERE a.array_id = substr(e.stream, 7);
        END IF;
    END IF;

    WITH decoded AS MATERIALIZED (
        SELECT
            e.position, split_part(e.stream, ':', 1) AS entity_kind,
            substr(e.stream, strpos(e.stream, ':') + 1) AS entity_id, e.version, e.workflow_id, e.entered_at, d.*
        FROM appended AS e, LATERAL sojourn.decode(e.data) AS d
    ),
    entered AS (
        INSERT INTO sojourn.transition (
            position, entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, entered_at,
            reported, rule, actor, num_attempts, report_by_date
        )
        SELECT
            e.position, e.entity_kind, e.entity_id, e.version, coalesce(e.task_id, e.entity_id), e.workflow_id,
            e.previous_status, e.status, e.entered_at, e.reported, e.rule, e.actor, e.num_attempts,
            e.report_by_date
        FROM decoded AS e
        WHERE
            (e.previous_status IS NOT NULL OR e.version = 1)
            AND e.entity_kind IN ('task', 'task_instance')
    ),
    latest AS MATERIALIZED (
        SELECT DISTINCT ON (e.entity_kind, e.entity_id) e.*
        FROM decoded AS e
        WHERE e.version > 1
        ORDER BY e.entity_kind, e.entity_id, e.version DESC
    ),
    moved AS (
        UPDATE sojourn.task AS t
        SET
            status = e.status, num_attempts = e.num_attempts, entered_at = e.entered_at, version = e.version,
            owner = e.owner, state = e.state
        FROM latest AS e
        WHERE e.entity_kind = 'task' AND t.task_id = e.entity_id
    )
    UPDATE sojourn.task_instance AS i
    SET
        status = e.status, entered_at = e.entered_at, report_by_date = e.report_by_date,
        distributor_id = e.distributor_id, version = e.version
    FROM latest AS e
    WHERE e.entity_kind = 'task_instance' AND i.task_instance_id = e.entity_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER project_appended
    AFTER INSERT ON sojourn.event
    REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.project_appended();
