-- Show each task that has not begun: no attempt at it began, and its work has not ended.
CREATE OR REPLACE VIEW sojourn.waiting_task AS
WITH class AS MATERIALIZED ( -- so that a definition is parsed once, not for each task
    SELECT c.lifecycle, c.lifecycle_version, c.active
    FROM sojourn.lifecycle_class AS c
    WHERE c.entity_kind = 'task'
)
SELECT t.task_id, t.workflow_id, t.status, own.parent_id
FROM
    sojourn.current_task AS t
    JOIN sojourn.task AS own ON own.task_id = t.task_id
    JOIN class AS c ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version
WHERE t.status = ANY (c.active) AND t.num_attempts = 0 AND t.instances = 0;

COMMENT ON VIEW sojourn.waiting_task IS
    'Each task of which no attempt has begun and whose work has not ended, now or as of sojourn.as_of.';
