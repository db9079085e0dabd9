-- Show when the last event of each workflow was, and whether all of its tasks have ended by then.
CREATE OR REPLACE VIEW sojourn.workflow_end AS
WITH known AS MATERIALIZED (
    SELECT s.* FROM sojourn.lifecycle_status AS s
)
SELECT t.workflow_id, greatest(t.last_at, i.last_at) AS last_at, t.has_ended
FROM
    (
        SELECT c.workflow_id, max(c.entered_at) AS last_at, bool_and(k.terminal) AS has_ended
        FROM
            sojourn.current_task AS c
            JOIN known AS k
                ON k.lifecycle = c.lifecycle AND k.lifecycle_version = c.lifecycle_version AND k.entity_kind = 'task'
                AND k.status = c.status
        GROUP BY c.workflow_id
    ) AS t
    LEFT JOIN (
        SELECT c.workflow_id, max(c.entered_at) AS last_at
        FROM sojourn.current_task_instance AS c
        GROUP BY c.workflow_id
    ) AS i ON i.workflow_id = t.workflow_id;

COMMENT ON VIEW sojourn.workflow_end IS
    'The time at which the last task or instance of each workflow entered its status, and whether all tasks have ended.';
