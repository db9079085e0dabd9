-- Return the stays of tasks and task instances that began between two times, both included; NULL as their end is an open one.
-- The index of entry times finds the pages to read. The settings keep to it, with and without statistics.
CREATE OR REPLACE FUNCTION sojourn.stays_begun_within(since timestamptz, until timestamptz)
RETURNS TABLE (
    entity_kind text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz,
    ended_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT x.entity_kind, t.lifecycle, t.lifecycle_version, x.status, x.entered_at, n.entered_at
    FROM
        sojourn.transition AS x
        INNER JOIN sojourn.task AS t ON t.task_id = x.task_id
        LEFT JOIN LATERAL (
            SELECT m.entered_at
            FROM sojourn.transition AS m
            WHERE m.entity_kind = x.entity_kind AND m.entity_id = x.entity_id AND m.version > x.version
            ORDER BY m.version
            LIMIT 1
        ) AS n ON true
    WHERE x.entered_at >= stays_begun_within.since AND x.entered_at <= stays_begun_within.until
$$;

COMMENT ON FUNCTION sojourn.stays_begun_within IS
    'The stays of tasks and task instances that began between two times, both included.';
