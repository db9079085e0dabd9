-- Bring the current status and the transitions up to a set of events, in the transaction that appends them.
-- Every insert into the log is projected: a single append, COPY, an import. What a row looks like is stated by the
-- functions project_task, project_task_instance, project_array, project_transition, project_dependency and project_wait,
-- which a rebuild uses too.
-- The settings make lookups by key the only plan, because a transition table has no statistics and a new table has none
-- yet.
CREATE OR REPLACE FUNCTION sojourn.project_appended() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM appended AS e WHERE e.version = 1) THEN
        PERFORM sojourn.require_unarchived(array_agg(e.stream), array_agg(e.workflow_id))
        FROM appended AS e
        WHERE e.version = 1;
    END IF;

    IF EXISTS (SELECT FROM appended AS e WHERE e.data ? 'upstream') THEN
        -- The links of a registration are all new, so it looks for no conflict.
        INSERT INTO sojourn.dependency
        SELECT p.* FROM appended AS e CROSS JOIN LATERAL sojourn.project_dependency(e) AS p
        WHERE e.version = 1;

        INSERT INTO sojourn.dependency
        SELECT p.* FROM appended AS e CROSS JOIN LATERAL sojourn.project_dependency(e) AS p
        WHERE e.version > 1
        ON CONFLICT DO NOTHING;
    END IF;

    IF EXISTS (SELECT FROM appended AS e WHERE e.data ? 'waits_for') THEN
        INSERT INTO sojourn.wait
        SELECT p.* FROM appended AS e CROSS JOIN LATERAL sojourn.project_wait(e) AS p;
    END IF;

    IF EXISTS (SELECT FROM appended AS e WHERE e.version = 1 OR starts_with(e.stream, 'array:')) THEN
        INSERT INTO sojourn.task
        SELECT p.*
        FROM
            appended AS e
            CROSS JOIN LATERAL sojourn.event_fields(e) AS f
            CROSS JOIN LATERAL sojourn.project_task(e, f, 0) AS p
        WHERE e.name = 'task.registered.v1';

        INSERT INTO sojourn.task_instance
        SELECT p.*
        FROM
            appended AS e
            CROSS JOIN LATERAL sojourn.event_fields(e) AS f
            CROSS JOIN LATERAL sojourn.project_task_instance(e, f) AS p
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
            INSERT INTO sojourn.array
            SELECT p.*
            FROM appended AS e CROSS JOIN LATERAL sojourn.project_array(e, e) AS p
            WHERE e.name = 'array.bound.v1';

            UPDATE sojourn.array AS a
            SET max_concurrently_running = p.max_concurrently_running, last_batch = p.last_batch, version = p.version
            FROM (
                SELECT DISTINCT ON (e.stream) q.*
                FROM appended AS e CROSS JOIN LATERAL sojourn.project_array(e, e) AS q
                WHERE starts_with(e.stream, 'array:') AND e.version > 1
                ORDER BY e.stream, e.version DESC
            ) AS p
            WHERE a.array_id = p.array_id;
        END IF;
    END IF;

    WITH event AS MATERIALIZED (
        SELECT f.* FROM appended AS e CROSS JOIN LATERAL sojourn.event_fields(e) AS f
    ),
    entered AS (
        INSERT INTO sojourn.transition
        SELECT p.* FROM event AS e CROSS JOIN LATERAL sojourn.project_transition(e) AS p
    ),
    latest AS MATERIALIZED (
        SELECT DISTINCT ON (e.entity_kind, e.entity_id) e.*
        FROM event AS e
        WHERE e.version > 1
        ORDER BY e.entity_kind, e.entity_id, e.version DESC
    ),
    moved AS (
        UPDATE sojourn.task AS t
        SET
            status = p.status, num_attempts = p.num_attempts, entered_at = p.entered_at, version = p.version,
            owner = p.owner, state = p.state
        FROM latest AS e CROSS JOIN LATERAL sojourn.project_task(NULL, e, NULL) AS p
        WHERE e.entity_kind = 'task' AND t.task_id = p.task_id
    )
    UPDATE sojourn.task_instance AS i
    SET
        status = p.status, entered_at = p.entered_at, report_by_date = p.report_by_date,
        distributor_id = p.distributor_id, version = p.version
    FROM latest AS e CROSS JOIN LATERAL sojourn.project_task_instance(NULL, e) AS p
    WHERE e.entity_kind = 'task_instance' AND i.task_instance_id = p.task_instance_id;

    -- The key of sojourn.transition guards the versions of transitions; those of other events are guarded here, because a
    -- partition guards only its own. A writer that appended to the same stream meanwhile held the row that was updated above
    -- until its end, so that what it appended is seen now.
    IF EXISTS (
        SELECT FROM appended AS e JOIN sojourn.event AS o ON o.stream = e.stream AND o.version = e.version
        WHERE
            NOT (e.is_transition AND split_part(e.stream, ':', 1) IN ('task', 'task_instance'))
            AND o.position <> e.position
    ) THEN
        RAISE EXCEPTION 'a stream has an event of that version already'
            USING ERRCODE = 'unique_violation', SCHEMA = 'sojourn', TABLE = 'event';
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION sojourn.project_appended IS
    'Bring the current status and the transitions up to the events that a statement has inserted into the log.';

CREATE OR REPLACE TRIGGER project_appended
    AFTER INSERT ON sojourn.event
    REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.project_appended();
