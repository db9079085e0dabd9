-- Bring the current status up to a set of events, in the transaction that appends them.
-- Every insert into the log is projected: a single append, COPY, an import. What a new row looks like is stated by the
-- functions project_task, project_task_instance, project_array, project_dependency and project_wait, which a rebuild uses
-- too; a row that moves on gets its columns directly, which verify compares with these functions.
-- The settings make lookups by key the only plan, because a transition table has no statistics and a new table has none
-- yet.
CREATE OR REPLACE FUNCTION sojourn.project_appended() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    is_taken boolean;
BEGIN
    IF EXISTS (SELECT FROM appended AS e WHERE e.version = 1) THEN
        PERFORM sojourn.require_unarchived(array_agg(sojourn.event_stream(e)), array_agg(e.workflow_id))
        FROM appended AS e
        WHERE e.version = 1;

        INSERT INTO sojourn.task
        SELECT p.*
        FROM appended AS e CROSS JOIN LATERAL sojourn.project_task(e, e, 0) AS p
        WHERE e.entity_kind = 'task' AND e.event_type = 'registered.v1';

        INSERT INTO sojourn.task_instance
        SELECT p.*
        FROM appended AS e CROSS JOIN LATERAL sojourn.project_task_instance(e, e) AS p
        WHERE e.entity_kind = 'task_instance' AND e.event_type = 'created.v1';

        UPDATE sojourn.task AS t SET instances = newest.ordinal
        FROM (
            SELECT e.task_id, max(e.ordinal) AS ordinal
            FROM appended AS e
            WHERE e.entity_kind = 'task_instance' AND e.event_type = 'created.v1'
            GROUP BY e.task_id
        ) AS newest
        WHERE t.task_id = newest.task_id;
    END IF;

    IF EXISTS (SELECT FROM appended AS e WHERE e.rest IS NOT NULL) THEN
        -- The links of a registration are all new, so it looks for no conflict.
        INSERT INTO sojourn.dependency
        SELECT p.* FROM appended AS e CROSS JOIN LATERAL sojourn.project_dependency(e) AS p
        WHERE e.version = 1 AND e.rest ? 'upstream';

        INSERT INTO sojourn.dependency
        SELECT p.* FROM appended AS e CROSS JOIN LATERAL sojourn.project_dependency(e) AS p
        WHERE e.version > 1 AND e.rest ? 'upstream'
        ON CONFLICT DO NOTHING;

        INSERT INTO sojourn.wait
        SELECT p.* FROM appended AS e CROSS JOIN LATERAL sojourn.project_wait(e) AS p
        WHERE e.rest ? 'waits_for';
    END IF;

    -- A version that another event has already, in any partition, leaves a row that is not updated: a partition guards its
    -- own versions alone. A writer that appended to the same entity meanwhile held its row until its end.
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (e.entity_kind, e.entity_id)
            e.*, e.version - count(*) OVER (PARTITION BY e.entity_kind, e.entity_id) AS version_before
        FROM appended AS e
        WHERE e.version > 1 AND e.entity_kind IN ('task', 'task_instance')
        ORDER BY e.entity_kind, e.entity_id, e.version DESC
    ),
    moved_task AS (
        UPDATE sojourn.task AS t
        SET
            status = e.status, num_attempts = e.num_attempts, entered_at = e.entered_at, version = e.version,
            owner = e.owner, state = nullif(e.rest -> 'state', 'null')
        FROM latest AS e
        WHERE e.entity_kind = 'task' AND t.task_id = e.entity_id AND t.version = e.version_before
        RETURNING e.position
    ),
    moved_instance AS (
        UPDATE sojourn.task_instance AS i
        SET
            status = e.status, entered_at = e.entered_at, report_by_date = e.report_by_date,
            distributor_id = e.distributor_id, version = e.version
        FROM latest AS e
        WHERE e.entity_kind = 'task_instance' AND i.task_instance_id = e.entity_id AND i.version = e.version_before
        RETURNING e.position
    )
    SELECT
        CASE
            WHEN (SELECT count(*) FROM latest) > (SELECT count(*) FROM moved_task) + (SELECT count(*) FROM moved_instance)
                -- What was inserted without its entity's first event has no row, so the log is asked.
                THEN EXISTS (
                    SELECT FROM latest AS e
                    WHERE
                        e.position NOT IN (SELECT m.position FROM moved_task AS m)
                        AND e.position NOT IN (SELECT m.position FROM moved_instance AS m)
                        AND (
                            EXISTS (SELECT FROM sojourn.task AS t WHERE e.entity_kind = 'task' AND t.task_id = e.entity_id)
                            OR EXISTS (
                                SELECT FROM sojourn.task_instance AS i
                                WHERE e.entity_kind = 'task_instance' AND i.task_instance_id = e.entity_id
                            )
                            OR EXISTS (
                                SELECT FROM sojourn.stored_event AS o
                                WHERE
                                    o.entity_kind = e.entity_kind AND o.entity_id = e.entity_id
                                    AND o.version > e.version_before AND o.version <= e.version
                                    AND o.position NOT IN (SELECT a.position FROM appended AS a)
                            )
                        )
                )
            ELSE false
        END
    INTO is_taken;
    IF is_taken THEN
        RAISE EXCEPTION 'a stream has an event of that version already'
            USING ERRCODE = 'unique_violation', SCHEMA = 'sojourn', TABLE = 'stored_event';
    END IF;

    IF EXISTS (SELECT FROM appended AS e WHERE e.entity_kind NOT IN ('task', 'task_instance')) THEN
        INSERT INTO sojourn.array
        SELECT p.*
        FROM appended AS e CROSS JOIN LATERAL sojourn.project_array(e, e) AS p
        WHERE e.entity_kind = 'array' AND e.event_type = 'bound.v1';

        UPDATE sojourn.array AS a
        SET max_concurrently_running = p.max_concurrently_running, last_batch = p.last_batch, version = p.version
        FROM (
            SELECT DISTINCT ON (e.entity_id) q.*
            FROM appended AS e CROSS JOIN LATERAL sojourn.project_array(e, e) AS q
            WHERE e.entity_kind = 'array' AND e.version > 1
            ORDER BY e.entity_id, e.version DESC
        ) AS p
        WHERE a.array_id = p.array_id;

        -- No other row has their version. A writer that appended to the same array meanwhile held the row that was updated
        -- above until its end, so that what it appended is seen now.
        IF EXISTS (
            SELECT FROM
                appended AS e
                JOIN sojourn.stored_event AS o
                    ON o.entity_kind = e.entity_kind AND o.entity_id = e.entity_id AND o.version = e.version
            WHERE e.entity_kind NOT IN ('task', 'task_instance') AND o.position <> e.position
        ) THEN
            RAISE EXCEPTION 'a stream has an event of that version already'
                USING ERRCODE = 'unique_violation', SCHEMA = 'sojourn', TABLE = 'stored_event';
        END IF;
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION sojourn.project_appended IS
    'Bring the current status up to the events that a statement has inserted into the log.';

CREATE OR REPLACE TRIGGER project_appended
    AFTER INSERT ON sojourn.stored_event
    REFERENCING NEW TABLE AS appended
    FOR EACH STATEMENT EXECUTE FUNCTION sojourn.project_appended();
