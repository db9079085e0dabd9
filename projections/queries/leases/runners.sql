-- Return runners as of their last events.
SELECT
    substr(n.stream, 8) AS id, e.data ->> 'status' AS status, e.version, e.entered_at,
    CASE WHEN e.name = 'runner.lapsed.v1' THEN (e.data ->> 'silent_since')::timestamptz END AS silent_since
FROM
    unnest(%s::text[]) AS n (stream)
    CROSS JOIN LATERAL (
        SELECT l.* FROM sojourn.event AS l
        WHERE l.entity_kind = sojourn.kind_of(n.stream) AND l.entity_id = sojourn.id_of(n.stream)
        ORDER BY l.version DESC
        LIMIT 1
    ) AS e;
