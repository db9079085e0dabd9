-- Return the workflows with events that a subscription has not read, and the subscription; NULL is the seals.
-- The last event of an entity is its last in the log, so each stream is read from its end.
SELECT DISTINCT ON (s.workflow_id) s.workflow_id, c.subscription
FROM
    (
        SELECT t.workflow_id, 'task' AS entity_kind, t.task_id AS entity_id, t.version
        FROM sojourn.task AS t WHERE t.workflow_id = ANY (%(workflows)s)
        UNION ALL
        SELECT t.workflow_id, 'task_instance', i.task_instance_id, i.version
        FROM sojourn.task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
        WHERE t.workflow_id = ANY (%(workflows)s)
        UNION ALL
        SELECT a.workflow_id, 'array', a.array_id, a.version
        FROM sojourn.array AS a WHERE a.workflow_id = ANY (%(workflows)s)
    ) AS s
    JOIN sojourn.stored_event AS e
        ON e.entity_kind = s.entity_kind AND e.entity_id = s.entity_id AND e.version = s.version
    JOIN (
        SELECT p.subscription, p.position FROM sojourn.checkpoint AS p
        WHERE p.subscription <> 'sums' -- they are brought up to the log as it changes
        UNION ALL
        SELECT NULL, max(l.last_position) FROM sojourn.seal AS l
    ) AS c
        ON c.position < e.position
ORDER BY s.workflow_id, c.position;
