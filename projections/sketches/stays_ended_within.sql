-- Return the stays of some kinds of entities in some statuses that ended between two times, both included, among those
-- that events up to the checkpoint of the sketches have ended.
-- The index of entry times finds the pages to read. The settings keep to it, with and without statistics, and so do the
-- conditions that are compared with true, which no index answers. An event that ended no such stay is left out by its own
-- columns.
CREATE OR REPLACE FUNCTION sojourn.stays_ended_within(
    since timestamptz, until timestamptz, entity_kinds text[], statuses text[]
)
RETURNS TABLE (
    entity_kind text, template text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz,
    ended_at timestamptz, seconds numeric
)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT
        x.entity_kind, t.template, t.lifecycle, t.lifecycle_version, x.previous_status, p.entered_at, x.entered_at,
        extract(epoch FROM x.entered_at - p.entered_at)
    FROM
        sojourn.stored_event AS x
        INNER JOIN sojourn.stored_event AS p -- each event states when its entity entered the status that it is in
            ON p.entity_kind = x.entity_kind AND p.entity_id = x.entity_id AND p.version = x.version - 1
        INNER JOIN sojourn.task AS t ON t.task_id = coalesce(x.task_id, x.entity_id)
    WHERE
        x.entered_at >= stays_ended_within.since AND x.entered_at <= stays_ended_within.until
        AND x.previous_status = ANY (stays_ended_within.statuses)
        AND (
            x.entity_kind = ANY (stays_ended_within.entity_kinds) AND x.version > 1
            AND x.position <= (SELECT sojourn.sketched_to())
        ) IS TRUE
$$;

COMMENT ON FUNCTION sojourn.stays_ended_within (timestamptz, timestamptz, text [], text []) IS
    'The stays of some kinds of entities in some statuses that ended between two times, both included, up to the '
    'checkpoint of the sketches.';
