-- Return events after a position, of certain names or of all.
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.data, e.occurred_at, e.recorded_at, e.entered_at,
    e.is_transition
FROM sojourn.logged_event AS e
WHERE
    e.position > %(position)s
    AND e.position <= coalesce(%(stop)s, 9223372036854775807)
    AND (%(names)s::text[] IS NULL OR e.name = ANY (%(names)s))
ORDER BY e.position
LIMIT %(limit)s;
