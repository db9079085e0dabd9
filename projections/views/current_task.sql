-- Show each task and its status now, or as of sojourn.as_of.
-- A task that was not registered by then is absent.
CREATE OR REPLACE VIEW sojourn.current_task AS
SELECT
    t.task_id, t.workflow_id, latest.status, latest.entered_at, latest.num_attempts, t.max_attempts,
    CASE
        WHEN (SELECT sojourn.as_of()) IS NULL THEN t.instances
        ELSE (
            SELECT count(*)::integer FROM sojourn.transition AS i
            WHERE i.entity_kind = 'task_instance' AND i.version = 1 AND i.entered_at <= (SELECT sojourn.as_of())
                AND i.entity_id IN (
                    SELECT n.task_instance_id FROM sojourn.task_instance AS n WHERE n.task_id = t.task_id
                )
        )
    END AS instances,
    t.template, t.lifecycle, t.lifecycle_version, latest.version,
    -- Not a join, which the planner could not leave out where nobody asks for these columns: an entity and its version are unique
    -- in each partition of the log alone.
    CASE
        WHEN (SELECT sojourn.as_of()) IS NULL THEN t.owner
        ELSE (
            SELECT e.owner FROM sojourn.stored_event AS e
            WHERE e.entity_kind = 'task' AND e.entity_id = t.task_id AND e.version = latest.version
        )
    END AS owner,
    CASE
        WHEN (SELECT sojourn.as_of()) IS NULL THEN t.state
        ELSE (
            SELECT e.rest -> 'state' FROM sojourn.stored_event AS e
            WHERE e.entity_kind = 'task' AND e.entity_id = t.task_id AND e.version = latest.version
        )
    END AS state
FROM
    sojourn.task AS t
    CROSS JOIN LATERAL (
        SELECT t.status, t.entered_at, t.num_attempts, t.version
        WHERE (SELECT sojourn.as_of()) IS NULL
        UNION ALL
        (
            SELECT s.status, s.entered_at, s.num_attempts, s.version
            FROM sojourn.transition AS s
            WHERE
                (SELECT sojourn.as_of()) IS NOT NULL
                AND s.entity_kind = 'task' AND s.entity_id = t.task_id AND s.entered_at <= (SELECT sojourn.as_of())
            ORDER BY s.version DESC
            LIMIT 1
        )
    ) AS latest;

COMMENT ON VIEW sojourn.current_task IS 'Each task and its status now, or as of sojourn.as_of.';
