-- Return whether a runner is alive, and since when: its last return, else its first heartbeat.
SELECT
    CASE WHEN r.silent_since IS NULL THEN 'ALIVE' ELSE 'SILENT' END,
    coalesce(
        r.silent_since,
        (
            SELECT max(s.until) FROM sojourn.silence AS s
            WHERE s.entity_kind = 'runner' AND s.entity_id = r.runner_id
        ),
        r.begun_at
    ),
    NULL, NULL,
    (
        SELECT max(e.version) FROM sojourn.stored_event AS e
        WHERE
            e.entity_kind = 'runner' AND e.entity_id = r.runner_id
            AND coalesce(e.occurred_at, e.recorded_at) <= coalesce((SELECT sojourn.as_of()), 'infinity')
    )
FROM sojourn.runner AS r
WHERE r.runner_id = %s;
