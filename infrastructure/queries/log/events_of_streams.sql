-- Return the events of some streams, and the first one of each of others, up to a position, in order.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.data, e.occurred_at, e.recorded_at, e.entered_at,
    e.is_transition
FROM
    (
        SELECT w.stream, 2147483647 AS last_version FROM unnest(%(whole)s::text[]) AS w (stream)
        UNION ALL
        SELECT b.stream, 1 FROM unnest(%(beginnings)s::text[]) AS b (stream)
    ) AS s
    JOIN sojourn.logged_event AS e
        ON e.entity_kind = sojourn.kind_of(s.stream) AND e.entity_id = sojourn.id_of(s.stream)
        AND e.version <= s.last_version
WHERE e.position <= %(stop)s
ORDER BY e.position;
