-- Return the report that stated when each entity entered its present status.
-- A transition that happened before the status that it left was entered states no entry time of its own.
SELECT w.stream, e.occurred_at, e.data -> 'actor' ->> 'host', e.data ->> 'command_id'
FROM
    unnest(%s::text[]) AS w (stream)
    CROSS JOIN LATERAL (
        SELECT t.*
        FROM sojourn.event AS t
        WHERE
            t.entity_kind = sojourn.kind_of(w.stream) AND t.entity_id = sojourn.id_of(w.stream)
            AND t.is_transition AND t.entered_at = coalesce(t.occurred_at, t.recorded_at)
        ORDER BY t.version DESC
        LIMIT 1
    ) AS e;
