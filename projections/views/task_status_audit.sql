-- Show one row for each status that a task was in.
-- exited_at is NULL where no exit was observed. The time is compared as an expression, because the planner would else take
-- the index of times for a question about one workflow.
CREATE OR REPLACE VIEW sojourn.task_status_audit AS
SELECT
    a.task_id, a.workflow_id, a.previous_status, a.new_status, a.entered_at, a.exited_at,
    coalesce(
        a.exited_at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), a.entered_at)
    ) - a.entered_at AS duration,
    a.version, a.position, a.reported, a.rule, a.actor, a.num_attempts,
    task.template, task.lifecycle, task.lifecycle_version,
    a.next_status
FROM (
    SELECT
        t.entity_id AS task_id, t.workflow_id, t.previous_status, t.status AS new_status, t.entered_at,
        lead(t.entered_at) OVER (PARTITION BY t.entity_id, t.workflow_id ORDER BY t.version) AS exited_at,
        t.version, t.position, t.reported, t.rule, t.actor, t.num_attempts,
        lead(t.status) OVER (PARTITION BY t.entity_id, t.workflow_id ORDER BY t.version) AS next_status
    FROM sojourn.transition AS t
    WHERE t.entity_kind = 'task' AND greatest(t.entered_at, '-infinity') <= coalesce((SELECT sojourn.as_of()), 'infinity')
) AS a
-- The planner removes the join where none of its columns is used. The workflow lets it read the tasks of one alone.
LEFT JOIN sojourn.task AS task ON task.task_id = a.task_id AND task.workflow_id = a.workflow_id;

COMMENT ON VIEW sojourn.task_status_audit IS
    'One row for each status that a task was in. exited_at is NULL where no exit was observed; duration then '
    'runs up to now, or to sojourn.as_of. next_status, template, lifecycle and lifecycle_version are of the task.';
