-- Return what was proposed, in the order of the log: events that no other one caused.
-- A task's transition has the time of the audit. With an earlier one, of a late report, an import would take it for a
-- statement about an interval before, which the task's instances had caused.
SELECT
    e.position, e.name, e.stream, e.workflow_id, coalesce(entered.entered_at, e.occurred_at, e.recorded_at) AS told_at,
    e.data, (e.data ->> 'num_attempts')::integer - (before.data ->> 'num_attempts')::integer AS attempts,
    t.lifecycle, t.lifecycle_version
FROM
    sojourn.event AS e
    LEFT JOIN sojourn.event AS before
        ON e.name = 'task.transitioned.v1' AND before.stream = e.stream AND before.version = e.version - 1
    LEFT JOIN sojourn.transition AS entered
        ON
            e.name = 'task.transitioned.v1' AND entered.entity_kind = 'task' AND entered.entity_id = substr(e.stream, 6)
            AND entered.version = e.version
    LEFT JOIN sojourn.task AS t ON e.name = 'task.transitioned.v1' AND t.task_id = substr(e.stream, 6)
WHERE
    NOT e.data ? 'cause'
    AND (%(workflow_id)s::text IS NULL OR e.workflow_id = %(workflow_id)s)
ORDER BY e.position;
