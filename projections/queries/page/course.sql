-- Return which task and workflow an entity belongs to, its lifecycle, when it began, and the version of its last event.
SELECT
    t.task_id, t.workflow_id, t.lifecycle, t.lifecycle_version,
    (
        SELECT e.entered_at FROM sojourn.stored_event AS e
        WHERE e.entity_kind = %(kind)s AND e.entity_id = %(id)s
        ORDER BY e.version
        LIMIT 1
    ) AS first_at,
    (
        SELECT coalesce(max(e.version), 0)
        FROM sojourn.stored_event AS e
        WHERE
            e.entity_kind = %(kind)s AND e.entity_id = %(id)s
            AND e.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS events
FROM sojourn.task AS t
WHERE
    t.task_id = CASE %(kind)s
        WHEN 'task' THEN %(id)s
        ELSE (SELECT i.task_id FROM sojourn.task_instance AS i WHERE i.task_instance_id = %(id)s)
    END;
