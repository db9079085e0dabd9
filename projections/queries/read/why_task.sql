-- Return a task and its instances with their statuses, the newest instance first.
-- A report is due by report_by_date, or by the end of the lease; the lease of a past time is not stored.
SELECT
    t.lifecycle, t.lifecycle_version, t.task_id, t.status, t.entered_at, t.owner,
    i.task_instance_id, i.status,
    CASE
        WHEN sojourn.as_of() IS NULL THEN greatest(i.report_by_date, l.report_by)
        WHEN i.report_by_date > sojourn.as_of() THEN i.report_by_date
    END,
    p.array_id
FROM
    sojourn.current_task AS t
    LEFT JOIN sojourn.current_task_instance AS i ON i.task_id = t.task_id
    LEFT JOIN sojourn.task_instance AS p ON p.task_instance_id = i.task_instance_id
    LEFT JOIN sojourn.lease AS l ON l.holder = 'task_instance:' || i.task_instance_id
WHERE
    t.task_id = CASE %(kind)s
        WHEN 'task' THEN %(id)s
        ELSE (SELECT n.task_id FROM sojourn.task_instance AS n WHERE n.task_instance_id = %(id)s)
    END
ORDER BY i.task_instance_id IS DISTINCT FROM %(id)s, i.ordinal DESC
LIMIT %(limit)s;
