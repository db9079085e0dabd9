-- Show the waits that entities stated or that began after they had entered the status in which they waited.
-- The others begin with their status, so that they split no interval.
CREATE OR REPLACE VIEW sojourn.later_wait AS
SELECT w.*
FROM sojourn.wait AS w
WHERE
    NOT EXISTS (
        SELECT FROM sojourn.transition AS s
        WHERE
            s.entity_kind = w.entity_kind AND s.entity_id = w.entity_id AND s.version = w.version
            AND s.entered_at >= w.since
    );

COMMENT ON VIEW sojourn.later_wait IS
    'The waits of sojourn.wait that were stated or began after the entity had entered its status. Ask for one entity_kind '
    '(task, task_instance) at a time.';
