-- Show tasks in a status that an active instance implies, of whose instances none is active.
-- The last instance to end did so after the task entered that status, and left it there.
CREATE OR REPLACE VIEW sojourn.orphan_stalled_task AS
SELECT
    'task' AS entity_kind, t.task_id AS entity_id, t.task_id, t.workflow_id,
    'stalled-task' AS rule, false AS decided,
    greatest(waiting.entered_at, last.entered_at) AS since,
    ARRAY[waiting.position, last.position] AS evidence,
    format('task:%s in another status than %s, when ti:%s ended', t.task_id, t.status, last.task_instance_id)
        AS expected,
    format(
        'task:%s is %s since %s and waits on ti:%s, which ended as %s at %s',
        t.task_id, t.status, sojourn.format_utc(waiting.entered_at), last.task_instance_id, last.status,
        sojourn.format_utc(last.entered_at)
    ) AS explanation,
    t.status
FROM
    sojourn.active_task AS t
    CROSS JOIN LATERAL sojourn.entered_since('task', t.task_id, ARRAY[t.status]) AS waiting
    CROSS JOIN LATERAL (
        SELECT i.task_id, i.task_instance_id, i.status, ended.entered_at, ended.position
        FROM
            sojourn.current_task_instance AS i
            CROSS JOIN LATERAL sojourn.entered_since('task_instance', i.task_instance_id, ARRAY[i.status]) AS ended
        WHERE i.task_id = t.task_id
        ORDER BY ended.position DESC
        LIMIT 1
    ) AS last
WHERE
    t.status = ANY (t.awaits_instance)
    AND last.position > waiting.position
    -- One by one, and of the last instance's task, so that it is asked about no task of another status.
    AND NOT EXISTS (SELECT FROM sojourn.active_instance AS a WHERE a.task_id = last.task_id OFFSET 0);

COMMENT ON VIEW sojourn.orphan_stalled_task IS
    'Tasks in a status that an active instance implies, of whose instances none is active.';
