-- Return when the nearest status before or after a time was entered, of a workflow's entities, of one task's, or of all.
-- A task's transitions and those of its instances are looked up by their keys, because no index has their task.
SELECT {nearest}(c.at)
FROM (
    SELECT {nearest}(m.entered_at) AS at
    FROM sojourn.transition AS m
    WHERE
        %(task_id)s::text IS NULL
        AND m.entered_at {side} coalesce(%(at)s::timestamptz, 'infinity')
        AND (%(workflow_id)s::text IS NULL OR m.workflow_id = %(workflow_id)s)
    UNION ALL
    SELECT {nearest}(m.entered_at)
    FROM
        (
            SELECT 'task' AS entity_kind, %(task_id)s::text AS entity_id
            UNION ALL
            SELECT 'task_instance', i.task_instance_id FROM sojourn.task_instance AS i WHERE i.task_id = %(task_id)s
        ) AS e
        JOIN sojourn.transition AS m ON m.entity_kind = e.entity_kind AND m.entity_id = e.entity_id
    WHERE
        m.entered_at {side} coalesce(%(at)s::timestamptz, 'infinity')
        AND (%(workflow_id)s::text IS NULL OR m.workflow_id = %(workflow_id)s)
) AS c;
