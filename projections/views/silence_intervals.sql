-- Return when a runner or a task instance was silent: without a report or a heartbeat past the time that one was due.
-- The last range may lie ahead, and has no end. It is all the time since the entity was known, without
--   what was reported: a status holds until its report_by_date, else until the first heartbeat; a terminal one for ever;
--   what was leased: from the first heartbeat until the end of the present lease, without the lapses in between.
CREATE OR REPLACE FUNCTION sojourn.silence_intervals(entity_kind text, entity_id text) RETURNS tstzmultirange
LANGUAGE plpgsql STABLE COST 10000
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    lease    sojourn.lease;
    leased   tstzmultirange := '{}';
    reported tstzmultirange := '{}';
    known    timestamptz;
BEGIN
    PERFORM sojourn.check_choice('entity_kind', entity_kind, ARRAY['runner', 'task_instance']);
    SELECT l.* INTO lease FROM sojourn.lease AS l WHERE l.holder = silence_intervals.entity_kind || ':' || silence_intervals.entity_id;
    known := lease.begun_at;
    IF known IS NOT NULL THEN
        SELECT
            tstzmultirange(tstzrange(lease.begun_at, lease.report_by)) - coalesce(
                range_agg(tstzrange(
                    (e.data ->> 'silent_since')::timestamptz, (e.data ->> 'silent_until')::timestamptz
                )),
                '{}'
            )
        INTO leased
        FROM sojourn.event AS e
        WHERE
            e.entity_kind = silence_intervals.entity_kind AND e.entity_id = silence_intervals.entity_id
            AND e.name = silence_intervals.entity_kind || '.returned.v1';
    END IF;

    IF silence_intervals.entity_kind = 'task_instance' THEN
        SELECT min(t.entered_at), range_agg(tstzrange(t.entered_at, least(t.exited_at, greatest(t.entered_at, t.holds))))
        INTO known, reported
        FROM (
            SELECT
                s.entered_at, lead(s.entered_at) OVER (ORDER BY s.version) AS exited_at,
                CASE
                    WHEN s.status = ANY (ends.statuses) THEN 'infinity'
                    ELSE coalesce(s.report_by_date, lease.begun_at, 'infinity')
                END AS holds
            FROM
                (
                    SELECT ARRAY(
                        SELECT json_array_elements_text(c.definition #> '{task_instance,terminal}')
                    )
                    FROM
                        sojourn.task_instance AS i
                        JOIN sojourn.task AS p ON p.task_id = i.task_id
                        JOIN sojourn.lifecycle AS c ON c.name = p.lifecycle AND c.version = p.lifecycle_version
                    WHERE i.task_instance_id = silence_intervals.entity_id
                ) AS ends (statuses)
                CROSS JOIN sojourn.transition AS s
            WHERE s.entity_kind = 'task_instance' AND s.entity_id = silence_intervals.entity_id
        ) AS t;
    END IF;
    IF known IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN tstzmultirange(tstzrange(known, 'infinity')) - reported - leased;
END
$$;

COMMENT ON FUNCTION sojourn.silence_intervals IS 'When a runner or a task instance was silent; the last range may lie ahead.';

-- The name of version 0.1, kept for one version.
CREATE OR REPLACE FUNCTION sojourn.silences(entity_kind text, entity_id text) RETURNS tstzmultirange
LANGUAGE sql STABLE AS $$
    SELECT sojourn.silence_intervals(entity_kind, entity_id)
$$;

COMMENT ON FUNCTION sojourn.silences IS 'The old name of sojourn.silence_intervals.';
