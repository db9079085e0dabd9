-- Show of each task whether it waits to begin: no attempt at it began, and its work has not ended.
-- The row of the task answers of a past time too, unless the task moved or an attempt at it began after that time. A task
-- that was not registered by then does not wait.
CREATE OR REPLACE VIEW sojourn.task_start AS
WITH active AS MATERIALIZED ( -- so that a definition is parsed once, not for each task
    SELECT s.lifecycle, s.lifecycle_version, s.status
    FROM sojourn.lifecycle_status AS s
    WHERE s.entity_kind = 'task' AND NOT s.terminal
)
SELECT
    t.task_id, t.workflow_id, t.status, t.parent_id,
    t.num_attempts = 0 AND t.instances = 0
    AND ((t.lifecycle, t.lifecycle_version, t.status) IN (SELECT * FROM active)) IS TRUE AS waits -- by a hash
FROM sojourn.task AS t
WHERE (SELECT sojourn.as_of()) IS NULL OR t.instances = 0 AND t.entered_at <= (SELECT sojourn.as_of())
UNION ALL
SELECT
    own.task_id, own.workflow_id, t.status, own.parent_id,
    (
        t.num_attempts = 0 AND t.instances = 0
        AND ((t.lifecycle, t.lifecycle_version, t.status) IN (SELECT * FROM active)) IS TRUE
    ) IS TRUE
FROM sojourn.task AS own LEFT JOIN sojourn.current_task AS t ON t.task_id = own.task_id
WHERE
    (SELECT sojourn.as_of()) IS NOT NULL
    AND (own.instances > 0 OR own.entered_at > (SELECT sojourn.as_of()));

COMMENT ON VIEW sojourn.task_start IS
    'Whether each task waits to begin, because no attempt at it began and its work has not ended, now or as of '
    'sojourn.as_of.';
