-- Show what each entity waits for in its status now, or as of sojourn.as_of: what it stated last since it entered it.
CREATE OR REPLACE VIEW sojourn.current_wait AS
SELECT
    w.entity_kind, w.entity_id, w.task_id, w.workflow_id, w.status, w.since, w.kind, w.detail, w.holders, w.version,
    w.position
FROM sojourn.wait AS w
WHERE
    w.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
    AND NOT EXISTS (
        SELECT FROM sojourn.wait AS l
        WHERE
            l.entity_kind = w.entity_kind AND l.entity_id = w.entity_id AND l.version > w.version
            AND l.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
    )
    AND NOT EXISTS (
        SELECT FROM sojourn.transition AS t
        WHERE
            t.entity_kind = w.entity_kind AND t.entity_id = w.entity_id AND t.version > w.version
            AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    );

COMMENT ON VIEW sojourn.current_wait IS
    'What each task and task instance waits for in its status, as it stated last, now or as of sojourn.as_of.';
