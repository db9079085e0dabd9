-- Count which statuses followed a status, for other tasks of its template, and for others of its lifecycle.
-- A sample will do: the first tasks of its workflow, and the first of the table.
WITH own AS (
    SELECT t.task_id, t.workflow_id, t.lifecycle, t.template
    FROM sojourn.task AS t
    WHERE t.task_id = %(task)s
),
other AS MATERIALIZED (
    (
        SELECT t.task_id, t.template
        FROM own AS o JOIN sojourn.task AS t ON t.workflow_id = o.workflow_id
        WHERE t.lifecycle = o.lifecycle AND t.task_id <> o.task_id
        LIMIT %(tasks)s
    )
    UNION
    (
        SELECT t.task_id, t.template
        FROM own AS o JOIN (SELECT * FROM sojourn.task LIMIT %(tasks)s * 20) AS t ON t.lifecycle = o.lifecycle
        WHERE t.task_id <> o.task_id
        LIMIT %(tasks)s
    )
),
member AS (
    SELECT o.template, o.task_id AS entity_id FROM other AS o WHERE %(kind)s = 'task'
    UNION ALL
    SELECT o.template, i.task_instance_id
    FROM other AS o JOIN sojourn.task_instance AS i ON i.task_id = o.task_id
    WHERE %(kind)s = 'task_instance'
)
SELECT
    t.status,
    count(*) FILTER (WHERE m.template = (SELECT o.template FROM own AS o)) AS of_template,
    count(*) AS of_lifecycle
FROM
    member AS m
    CROSS JOIN LATERAL (
        SELECT n.status
        FROM sojourn.transition AS n
        WHERE
            n.entity_kind = %(kind)s AND n.entity_id = m.entity_id AND n.previous_status = %(status)s
            AND n.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
        OFFSET 0 -- by index, whatever the planner makes of the sizes
    ) AS t
GROUP BY t.status
ORDER BY of_lifecycle DESC, t.status;
