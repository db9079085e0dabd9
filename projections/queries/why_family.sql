-- A task with its status, and its instances with theirs, the newest first: as of sojourn.as_of.
SELECT
    t.lifecycle, t.lifecycle_version, t.task_id, t.status, t.entered_at, t.owner,
    i.task_instance_id, i.status, i.report_by_date, p.array_id
FROM
    sojourn.current_task AS t
    LEFT JOIN sojourn.current_task_instance AS i ON i.task_id = t.task_id
    LEFT JOIN sojourn.task_instance AS p ON p.task_instance_id = i.task_instance_id
WHERE
    t.task_id = CASE %(kind)s
        WHEN 'task' THEN %(id)s
        ELSE (SELECT n.task_id FROM sojourn.task_instance AS n WHERE n.task_instance_id = %(id)s)
    END
ORDER BY i.task_instance_id IS DISTINCT FROM %(id)s, i.ordinal DESC
LIMIT %(limit)s;
