-- Return the instances whose leases are renewed, and whether each lease has expired.
SELECT
    i.task_instance_id, i.workflow_id, i.status, t.lifecycle, t.lifecycle_version,
    coalesce(l.report_by, i.report_by_date) < b.at AS lapsed, b.at
FROM
    (SELECT least(clock_timestamp(), %(occurred_at)s::timestamptz)) AS b (at)
    CROSS JOIN sojourn.task_instance AS i
    JOIN sojourn.task AS t ON t.task_id = i.task_id
    LEFT JOIN sojourn.lease AS l ON l.holder = 'task_instance:' || i.task_instance_id
WHERE i.task_instance_id = ANY (%(ids)s);
