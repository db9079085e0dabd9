-- Return the intervals of tasks in the order in which statuses were entered, a page at a time.
SELECT
    a.task_id, a.workflow_id, a.previous_status, a.new_status, a.entered_at, a.exited_at,
    CASE
        -- A terminal status lasts for no time that grows with now.
        WHEN (SELECT sojourn.as_of()) IS NULL AND a.exited_at IS NULL
            AND (a.lifecycle, a.lifecycle_version, a.new_status) IN (
                SELECT l.lifecycle, l.lifecycle_version, l.status
                FROM sojourn.lifecycle_status AS l
                WHERE l.entity_kind = 'task' AND l.terminal
            )
            THEN NULL
        ELSE date_part('epoch', a.duration)
    END AS duration_seconds, a.position
FROM sojourn.task_status_audit AS a
WHERE
    (%(task_id)s::text IS NULL OR a.task_id = %(task_id)s)
    AND (%(workflow_id)s::text IS NULL OR a.workflow_id = %(workflow_id)s)
    AND (%(position)s::bigint IS NULL OR (a.entered_at, a.position) {beyond} (%(entered_at)s, %(position)s))
ORDER BY a.entered_at {direction}, a.position {direction}
LIMIT %(limit)s;
