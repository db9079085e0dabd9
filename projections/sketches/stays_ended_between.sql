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
        e.entity_kind, t.template, t.lifecycle, t.lifecycle_version, p.status, p.entered_at, e.entered_at,
        extract(epoch FROM e.entered_at - p.entered_at)
    FROM
        sojourn.stored_event AS e
        CROSS JOIN LATERAL (
            SELECT m.status, m.entered_at, m.task_id
            FROM sojourn.transition AS m
            WHERE m.entity_kind = e.entity_kind AND m.entity_id = e.entity_id AND m.version < e.version
            ORDER BY m.version DESC
            LIMIT 1
        ) AS p
        INNER JOIN sojourn.task AS t ON t.task_id = p.task_id
    WHERE
        e.position > stays_ended_between.after AND e.position <= stays_ended_between.upto
        AND e.previous_status IS NOT NULL AND e.version > 1
$$;

COMMENT ON FUNCTION sojourn.stays_ended_between IS
    'The stays of tasks and task instances that events between two positions have ended.';
