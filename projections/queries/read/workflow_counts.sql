-- Count what a workflow has.
-- An entity that is an orphan by several rules counts once.
WITH task AS MATERIALIZED (
    SELECT t.task_id, t.version FROM sojourn.task AS t WHERE t.workflow_id = %(workflow_id)s
),
instance AS MATERIALIZED (
    SELECT i.task_instance_id FROM task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
),
event AS MATERIALIZED (
    SELECT sojourn.event_name(e) AS name, e.version = 1 OR e.previous_status IS NOT NULL AS is_transition
    FROM
        (
            SELECT 'task', task_id FROM task
            UNION ALL
            SELECT 'task_instance', task_instance_id FROM instance
        ) AS own (entity_kind, entity_id)
        JOIN sojourn.stored_event AS e ON e.entity_kind = own.entity_kind AND e.entity_id = own.entity_id
)
SELECT
    (SELECT count(*) FROM task) AS tasks,
    (SELECT count(*) FROM task WHERE version = 1) AS never_started,
    (SELECT count(*) FROM instance) AS task_instances,
    (SELECT count(*) FROM event) AS events,
    (SELECT count(*) FROM event WHERE is_transition) AS transitions,
    (SELECT count(*) FROM event WHERE name LIKE '%%.refused.%%') AS refused,
    (SELECT count(DISTINCT o.entity) FROM sojourn.find_orphans(%(workflow_id)s::text) AS o) AS orphans;
