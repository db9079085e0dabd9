-- What is on record of a workflow. An orphan is one that the orphan rule has ended, or one that is still active
-- although its task has ended or the date by which it was to be heard of has passed.
WITH task AS MATERIALIZED (
    SELECT t.task_id, s.terminal
    FROM
        sojourn.task AS t
        JOIN sojourn.lifecycle_status AS s
            ON s.lifecycle = t.lifecycle AND s.lifecycle_version = t.lifecycle_version
                AND s.entity_kind = 'task' AND s.status = t.status
    WHERE t.workflow_id = %(workflow_id)s
),
instance AS MATERIALIZED (
    SELECT i.task_instance_id, NOT s.terminal AND (p.terminal OR i.report_by_date < now()) AS orphaned
    FROM
        task AS p
        JOIN sojourn.task AS t ON t.task_id = p.task_id
        JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
        JOIN sojourn.lifecycle_status AS s
            ON s.lifecycle = t.lifecycle AND s.lifecycle_version = t.lifecycle_version
                AND s.entity_kind = 'task_instance' AND s.status = i.status
),
event AS MATERIALIZED (
    SELECT e.name, e.data ->> 'rule' AS rule, e.version = 1 OR e.data ? 'previous_status' AS moves
    FROM
        (
            SELECT 'task:' || task_id FROM task
            UNION ALL
            SELECT 'task_instance:' || task_instance_id FROM instance
        ) AS own (stream)
        JOIN sojourn.event AS e ON e.stream = own.stream
)
SELECT
    (SELECT count(*) FROM task) AS tasks,
    (SELECT count(*) FROM instance) AS task_instances,
    (SELECT count(*) FROM event) AS events,
    (SELECT count(*) FROM event WHERE moves) AS transitions,
    (SELECT count(*) FROM event WHERE name LIKE '%%.refused.%%') AS refused,
    (SELECT count(*) FROM instance WHERE orphaned)
    + (SELECT count(*) FROM event WHERE moves AND rule = 'orphaned-instance') AS orphans;
