-- Create the view of the statuses that tasks and task instances entered, up to the time that is asked about.
CREATE OR REPLACE TEMPORARY VIEW transition AS
SELECT
    i.position, concat(i.entity_kind, ':', i.entity_id) AS stream, i.entity_kind, i.entity_id, i.task_id, i.workflow_id,
    i.version, i.previous_status, i.status, i.actor, i.num_attempts, i.ordinal, i.entered_at, i.recorded_at
FROM logged_interval AS i CROSS JOIN clock AS c
WHERE i.entered_at <= c.now
