-- Return the stays that ended between two times, both included, among those that events up to the checkpoint of the
-- sketches have ended.
-- The index of entry times finds the pages to read. The settings keep to it, with and without statistics.
CREATE OR REPLACE FUNCTION sojourn.stays_ended_within(since timestamptz, until timestamptz)
RETURNS TABLE (
    entity_kind text, template text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz,
    ended_at timestamptz, seconds numeric
)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT
        x.entity_kind, t.template, t.lifecycle, t.lifecycle_version, p.status, p.entered_at, x.entered_at,
        extract(epoch FROM x.entered_at - p.entered_at)
    FROM
        sojourn.transition AS x
        CROSS JOIN LATERAL (
            SELECT m.status, m.entered_at
            FROM sojourn.transition AS m
            WHERE m.entity_kind = x.entity_kind AND m.entity_id = x.entity_id AND m.version < x.version
            ORDER BY m.version DESC
            LIMIT 1
        ) AS p
        INNER JOIN sojourn.task AS t ON t.task_id = x.task_id
    WHERE
        x.entered_at >= stays_ended_within.since AND x.entered_at <= stays_ended_within.until AND x.version > 1
        AND x.position <= (SELECT sojourn.sketched_to())
$$;

COMMENT ON FUNCTION sojourn.stays_ended_within IS
    'The stays of tasks and task instances that ended between two times, both included, up to the checkpoint of the '
    'sketches.';
