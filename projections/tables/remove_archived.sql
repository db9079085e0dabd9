-- Remove the workflows of an archive's file from the log and its projections, and leave a tombstone of each.
-- Tables of the session have the rows of the file, read back from it: archived_event, archived_command, archived_lease.
-- What differs from the log by a single byte stops the removal (SJ002), and so do a workflow that goes on, a slot, or a
-- subscription that has not read so far (SJ001). The leaves that seals have of the events stay, so that they hold. It takes locks without waiting for them (55P03).
CREATE OR REPLACE FUNCTION sojourn.remove_archived(units jsonb, folder text, file text) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    wanted    text[] := ARRAY(SELECT jsonb_object_keys(units));
    tasks     text[];
    instances text[];
    arrays    text[];
    streams   text[];
    hours     timestamptz[];
    removed   bigint;
BEGIN
    PERFORM set_config('sojourn.as_of', '', true);
    IF NOT pg_try_advisory_xact_lock(7205759403792795) THEN
        RAISE EXCEPTION 'others are registering tasks' USING ERRCODE = 'lock_not_available';
    END IF;
    PERFORM FROM sojourn.array AS a WHERE a.workflow_id = ANY (wanted) ORDER BY a.array_id FOR UPDATE NOWAIT;
    PERFORM FROM sojourn.task AS t WHERE t.workflow_id = ANY (wanted) ORDER BY t.task_id FOR UPDATE NOWAIT;
    tasks := ARRAY(SELECT t.task_id FROM sojourn.task AS t WHERE t.workflow_id = ANY (wanted));
    PERFORM FROM sojourn.task_instance AS i WHERE i.task_id = ANY (tasks) ORDER BY i.task_instance_id FOR UPDATE NOWAIT;
    instances := ARRAY(SELECT i.task_instance_id FROM sojourn.task_instance AS i WHERE i.task_id = ANY (tasks));
    arrays := ARRAY(SELECT a.array_id FROM sojourn.array AS a WHERE a.workflow_id = ANY (wanted));
    streams := ARRAY(
        SELECT 'task:' || t.id FROM unnest(tasks) AS t (id)
        UNION ALL SELECT 'task_instance:' || i.id FROM unnest(instances) AS i (id)
        UNION ALL SELECT 'array:' || a.id FROM unnest(arrays) AS a (id)
    );

    IF EXISTS (
        SELECT FROM sojourn.workflow_end AS w WHERE w.workflow_id = ANY (wanted) AND NOT coalesce(w.has_ended, false)
    )
        OR EXISTS (SELECT FROM sojourn.slot AS s WHERE s.holder = ANY (tasks))
        OR EXISTS (
            SELECT FROM sojourn.checkpoint AS c
            WHERE c.subscription <> 'sums' AND c.position < (SELECT max(e.position) FROM pg_temp.archived_event AS e)
        )
        OR (SELECT max(s.last_position) FROM sojourn.seal AS s) < (SELECT max(e.position) FROM pg_temp.archived_event AS e)
    THEN
        RAISE EXCEPTION 'a workflow goes on, is not sealed, or has events that a subscription has not read' USING ERRCODE = 'SJ001';
    END IF;

    INSERT INTO sojourn.archived_workflow (
        workflow_id, unit, folder, file, entities, events, first_position, last_position, digest
    )
    SELECT
        e.workflow_id, units ->> e.workflow_id, remove_archived.folder, remove_archived.file,
        count(DISTINCT e.stream), count(*), min(e.position), max(e.position),
        sha256(string_agg(sojourn.digest_event(ROW(e.*)::sojourn.event), '' ORDER BY e.position))
    FROM pg_temp.archived_event AS e
    GROUP BY e.workflow_id;
    INSERT INTO sojourn.archived_entity (stream_hash, number)
    SELECT DISTINCT sojourn.hash_stream(e.stream), a.number
    FROM pg_temp.archived_event AS e JOIN sojourn.archived_workflow AS a ON a.workflow_id = e.workflow_id
    WHERE e.version = 1;

    INSERT INTO sojourn.archived_leaf (position, leaf)
    SELECT e.position, sojourn.hash_sealed(ROW(e.*)::sojourn.event, s.salt, s.kept)
    FROM
        pg_temp.archived_event AS e
        CROSS JOIN LATERAL (
            SELECT f.number FROM sojourn.seal AS f
            WHERE f.last_position >= e.position
            ORDER BY f.last_position
            LIMIT 1
        ) AS seal
        LEFT JOIN sojourn.seal_seed AS d ON d.number = seal.number
        CROSS JOIN LATERAL sojourn.find_salts(e.position, d.seed) AS s;

    PERFORM sojourn.recount_sketches(wanted, -1);
    hours := sojourn.hours_of_workflows(wanted);
    DELETE FROM sojourn.stored_event AS e
    USING unnest(streams) AS s (stream)
    WHERE
        e.entity_kind = split_part(s.stream, ':', 1)
        AND e.entity_id = substr(s.stream, strpos(s.stream, ':') + 1);
    DELETE FROM sojourn.wait AS w WHERE w.workflow_id = ANY (wanted);
    DELETE FROM sojourn.dependency AS d USING unnest(tasks) AS s (id) WHERE d.task_id = s.id;
    DELETE FROM sojourn.task_instance AS i WHERE i.task_id = ANY (tasks);
    DELETE FROM sojourn.task AS t WHERE t.task_id = ANY (tasks);
    DELETE FROM sojourn.array AS a WHERE a.array_id = ANY (arrays);

    DELETE FROM sojourn.command AS c USING pg_temp.archived_command AS a
    WHERE c.command_id = a.command_id AND ROW(c.*) = ROW(a.*);
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed < (SELECT count(*) FROM pg_temp.archived_command) THEN
        RAISE EXCEPTION 'the archive has other commands than the log' USING ERRCODE = 'SJ002';
    END IF;
    DELETE FROM sojourn.lease AS l USING pg_temp.archived_lease AS a
    WHERE l.holder = a.holder AND ROW(l.*) = ROW(a.*);
    GET DIAGNOSTICS removed = ROW_COUNT;
    IF removed < (SELECT count(*) FROM pg_temp.archived_lease) OR EXISTS (
        SELECT FROM sojourn.lease AS l JOIN unnest(instances) AS s (id) ON l.holder = 'task_instance:' || s.id
    ) THEN
        RAISE EXCEPTION 'the archive has other leases than the log' USING ERRCODE = 'SJ001';
    END IF;
    PERFORM sojourn.recount_sums(wanted, hours);
END
$$;

COMMENT ON FUNCTION sojourn.remove_archived IS
    'Remove the workflows of an archive''s file, once its rows are those of the log, and leave a tombstone of each.';
