-- Return the stays that the events after a position and up to another have ended.
-- Each event is read by its position, and the status before it by its key, so that the cost is by the events between.
-- The settings keep to that, with and without statistics.
CREATE OR REPLACE FUNCTION sojourn.stays_ended_between(after bigint, upto bigint)
RETURNS TABLE (
    entity_kind text, template text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz,
    ended_at timestamptz, seconds numeric
)
LANGUAGE sql STABLE PARALLEL SAFE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT
        x.entity_kind, t.template, t.lifecycle, t.lifecycle_version, x.previous_status, p.entered_at, x.entered_at,
        extract(epoch FROM x.entered_at - p.entered_at)
    FROM
        sojourn.transition AS x
        INNER JOIN sojourn.stored_event AS p -- each event states when its entity entered the status that it is in
            ON p.entity_kind = x.entity_kind AND p.entity_id = x.entity_id AND p.version = x.version - 1
        INNER JOIN sojourn.task AS t ON t.task_id = x.task_id
    WHERE x.position > stays_ended_between.after AND x.position <= stays_ended_between.upto AND x.version > 1
$$;

COMMENT ON FUNCTION sojourn.stays_ended_between IS
    'The stays of tasks and task instances that events between two positions have ended.';
