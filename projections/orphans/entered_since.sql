-- Return when an entity entered the statuses that it has been among since then, and the position of that event.
CREATE OR REPLACE FUNCTION sojourn.entered_since(entity_kind text, entity_id text, statuses text[])
RETURNS TABLE (entered_at timestamptz, "position" bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.entered_at, t.position
    FROM sojourn.transition AS t
    WHERE
        (
            entered_since.entity_kind IN ('task', 'task_instance') -- without a call, because views ask for each entity
            OR sojourn.check_choice('entity_kind', entered_since.entity_kind, ARRAY['task', 'task_instance'])
        )
        AND t.entity_kind = entered_since.entity_kind AND t.entity_id = entered_since.entity_id
        AND t.entered_at <= coalesce(sojourn.as_of(), 'infinity')
        AND t.version > coalesce((
            SELECT o.version FROM sojourn.transition AS o
            WHERE
                o.entity_kind = entered_since.entity_kind AND o.entity_id = entered_since.entity_id
                AND o.entered_at <= coalesce(sojourn.as_of(), 'infinity')
                AND o.status <> ALL (statuses)
            ORDER BY o.version DESC
            LIMIT 1
        ), 0)
    ORDER BY t.version
    LIMIT 1
$$;

COMMENT ON FUNCTION sojourn.entered_since IS
    'When an entity entered the statuses that it has been among ever since, and the position of that event.';
