-- Show task instances that have not ended, although their task has.
-- What is expected was possible: an instance that began after its task ended could not have ended before that.
CREATE OR REPLACE VIEW sojourn.orphan_terminal_parent AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'terminal-parent' AS rule, false AS decided,
    greatest(begun.entered_at, ended.entered_at) AS since,
    ARRAY[begun.position, ended.position] AS evidence,
    CASE
        WHEN (begun.entered_at, begun.position) > (ended.entered_at, ended.position)
            THEN format('task:%s in a status that is not terminal, when ti:%s began', i.task_id, i.task_instance_id)
        ELSE format('ti:%s in a terminal status, when task:%s entered one', i.task_instance_id, i.task_id)
    END AS expected,
    format(
        'ti:%s is %s, although task:%s is %s and has been over since %s',
        i.task_instance_id, i.status, i.task_id, t.status, sojourn.format_utc(ended.entered_at)
    ) AS explanation,
    i.status
FROM
    sojourn.active_instance AS i
    JOIN sojourn.current_task AS t ON t.task_id = i.task_id
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    CROSS JOIN LATERAL sojourn.entered_since('task_instance', i.task_instance_id, i.active) AS begun
    CROSS JOIN LATERAL sojourn.entered_since('task', i.task_id, c.ended) AS ended
WHERE t.status = ANY (c.ended);

COMMENT ON VIEW sojourn.orphan_terminal_parent IS 'Task instances that have not ended, although their task has.';
