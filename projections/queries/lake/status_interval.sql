-- Create the view with one row for each status that a task or a task instance was in.
CREATE OR REPLACE TEMPORARY VIEW status_interval AS
SELECT
    i.*,
    l.status IS NOT NULL AS is_known, coalesce(l.terminal, false) AS terminal, coalesce(l.failure, false) AS failure,
    coalesce(l.waiting, false) AS waiting, coalesce(l.running, false) AS running,
    coalesce(l.cancelled, false) AS cancelled
FROM
    transition_interval AS i
    LEFT JOIN lifecycle_status AS l
        ON l.lifecycle = i.lifecycle AND l.lifecycle_version = i.lifecycle_version
        AND l.entity_kind = i.entity_kind AND l.status = i.status
