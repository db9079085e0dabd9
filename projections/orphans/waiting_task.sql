-- Show each task that has not begun: no attempt at it began, and its work has not ended.
-- The row of the task answers of a past time too, unless the task moved or an attempt at it began after that time.
-- A status that ends nothing under any lifecycle is found by its name alone, because that is read for each task.
CREATE OR REPLACE VIEW sojourn.waiting_task AS
WITH status AS MATERIALIZED ( -- so that a definition is parsed once, not for each task
    SELECT s.lifecycle, s.lifecycle_version, s.status, s.terminal
    FROM sojourn.lifecycle_status AS s
    WHERE s.entity_kind = 'task'
)
SELECT t.task_id, t.workflow_id, t.status, t.parent_id
FROM sojourn.task AS t
WHERE
    t.num_attempts = 0 AND t.instances = 0
    AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    AND CASE
        WHEN (t.status IN (SELECT s.status FROM status AS s GROUP BY s.status HAVING NOT bool_or(s.terminal))) IS TRUE
            THEN true
        ELSE (
            (t.lifecycle, t.lifecycle_version, t.status) IN (
                SELECT s.lifecycle, s.lifecycle_version, s.status FROM status AS s WHERE NOT s.terminal
            )
        ) IS TRUE
    END
UNION ALL
SELECT t.task_id, t.workflow_id, t.status, own.parent_id
FROM sojourn.task AS own JOIN sojourn.current_task AS t ON t.task_id = own.task_id
WHERE
    (SELECT sojourn.as_of()) IS NOT NULL
    AND (own.instances > 0 OR own.entered_at > (SELECT sojourn.as_of()))
    AND t.num_attempts = 0 AND t.instances = 0
    AND (
        (t.lifecycle, t.lifecycle_version, t.status) IN (
            SELECT s.lifecycle, s.lifecycle_version, s.status FROM status AS s WHERE NOT s.terminal
        )
    ) IS TRUE;

COMMENT ON VIEW sojourn.waiting_task IS
    'Each task of which no attempt has begun and whose work has not ended, now or as of sojourn.as_of.';
