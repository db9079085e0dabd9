-- Show what entities waited for: each interval in a status, split at the times when a wait began.
CREATE OR REPLACE VIEW sojourn.wait_interval AS
SELECT w.* FROM sojourn.whole_wait_interval AS w
UNION ALL
SELECT s.* FROM sojourn.split_wait_interval AS s;

COMMENT ON VIEW sojourn.wait_interval IS
    'What entities waited for in their statuses, from when to when: the intervals of sojourn.status_interval, split where '
    'a wait began. kind is NULL where nothing was stated. Ask for one entity_kind (task, task_instance) at a time.';
