-- Create the view of the statuses that tasks and task instances entered, each with its end at the time that is asked about.
-- No entity enters a status before the one that it leaves, so an interval that ends later than that time goes on.
CREATE OR REPLACE TEMPORARY VIEW transition_interval AS
SELECT
    i.position, i.entity_kind, i.entity_id, i.task_id, i.workflow_id, i.version, i.previous_status, i.status, i.actor,
    i.num_attempts, i.ordinal, i.entered_at, i.recorded_at, i.template, i.lifecycle, i.lifecycle_version,
    CASE WHEN i.exited_at <= c.now THEN i.exited_at END AS exited_at,
    (unix_micros(CASE WHEN i.exited_at <= c.now THEN i.exited_at ELSE c.now END) - unix_micros(i.entered_at)) / 1e6
    AS seconds
FROM logged_interval AS i CROSS JOIN clock AS c
WHERE i.entered_at <= c.now
