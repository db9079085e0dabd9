-- Return the events of a stream after a position.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.data, e.occurred_at, e.recorded_at, e.entered_at,
    e.is_transition
FROM sojourn.logged_event AS e
WHERE
    e.entity_kind = sojourn.kind_of(%(stream)s) AND e.entity_id = sojourn.id_of(%(stream)s)
    AND e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
ORDER BY e.position
LIMIT %(limit)s;
