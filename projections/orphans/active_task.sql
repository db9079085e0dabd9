-- Show each task that has not ended, with its lifecycle.
-- The row of a task answers of a past time too, unless the task moved after that time. Tasks in a status that ends work
-- under every lifecycle are left out first, because almost all are.
-- stuck_after: how long it may stay in its status by its lifecycle.
CREATE OR REPLACE VIEW sojourn.active_task AS
SELECT
    t.task_id, t.workflow_id, t.status, t.entered_at, t.lifecycle, t.lifecycle_version, t.template,
    CASE
        WHEN (SELECT sojourn.as_of()) IS NULL THEN t.owner
        ELSE (
            SELECT e.owner COLLATE "default"
            FROM sojourn.stored_event AS e
            WHERE
                e.entity_kind = 'task' AND e.entity_id = t.task_id
                AND e.version = (
                    SELECT max(s.version) FROM sojourn.transition AS s
                    WHERE
                        s.entity_kind = 'task' AND s.entity_id = t.task_id AND s.entered_at <= (SELECT sojourn.as_of())
                )
        )
    END AS owner,
    c.active, c.awaits_instance, (c.stuck_after ->> t.status)::interval AS stuck_after
FROM
    (
        SELECT
            n.task_id, n.workflow_id, n.owner, n.lifecycle, n.lifecycle_version, n.template,
            CASE WHEN asked.is_before THEN past.status ELSE n.status END AS status,
            CASE WHEN asked.is_before THEN past.entered_at ELSE n.entered_at END AS entered_at
        FROM
            sojourn.task AS n
            CROSS JOIN LATERAL (SELECT (n.entered_at > (SELECT sojourn.as_of())) IS TRUE) AS asked (is_before)
            LEFT JOIN LATERAL (
                SELECT s.status, s.entered_at
                FROM sojourn.transition AS s
                WHERE
                    asked.is_before AND s.entity_kind = 'task' AND s.entity_id = n.task_id
                    AND s.entered_at <= (SELECT sojourn.as_of())
                ORDER BY s.version DESC
                LIMIT 1
            ) AS past ON true
        WHERE
            asked.is_before
            OR (
                n.status IN (
                    SELECT s.status FROM sojourn.lifecycle_status AS s WHERE s.entity_kind = 'task' AND NOT s.terminal
                )
            ) IS TRUE
    ) AS t
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
WHERE t.status = ANY (c.active);

COMMENT ON VIEW sojourn.active_task IS 'Each task that has not ended, now or as of sojourn.as_of.';
