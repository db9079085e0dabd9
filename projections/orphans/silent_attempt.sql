-- Return the open attempt at a task that is silent, one that owes a report before others, and the one longest silent.
-- `position` is that of the event by which it entered its status, `reporter` who reported that.
CREATE OR REPLACE FUNCTION sojourn.silent_attempt(task_id text)
RETURNS TABLE (task_instance_id text, since timestamptz, "position" bigint, reporter text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp AS $$
    SELECT
        i.task_instance_id, silence.since, entry.position,
        e.actor COLLATE "default" || coalesce('@' || sojourn.event_host(e), '')
    FROM
        sojourn.active_instance AS i
        CROSS JOIN LATERAL (
            SELECT lower(s.range) AS since
            FROM unnest(sojourn.silence_intervals('task_instance', i.task_instance_id)) AS s (range)
            WHERE lower(s.range) < sojourn.as_of_or_now() AND upper(s.range) > sojourn.as_of_or_now()
        ) AS silence
        CROSS JOIN LATERAL sojourn.entered_since('task_instance', i.task_instance_id, ARRAY[i.status]) AS entry
        JOIN sojourn.stored_event AS e ON e.position = entry.position
    WHERE i.task_id = silent_attempt.task_id
    ORDER BY (i.status = ANY (i.awaits_report)) IS NOT TRUE, silence.since, entry.position
    LIMIT 1
$$;

COMMENT ON FUNCTION sojourn.silent_attempt IS
    'The open attempt at a task that is silent, since when, the event by which it entered its status, and who reported '
    'that, now or as of sojourn.as_of.';
