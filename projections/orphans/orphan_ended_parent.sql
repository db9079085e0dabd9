-- Show tasks that have not ended, although their parent has.
-- A task without a parent is not read. What is expected was possible: a task that began after its parent had ended could
-- not have ended before that.
CREATE OR REPLACE VIEW sojourn.orphan_ended_parent AS
SELECT
    'task' AS entity_kind, t.task_id AS entity_id, t.task_id, t.workflow_id,
    'ended-parent' AS rule, false AS decided,
    greatest(begun.entered_at, ended.entered_at) AS since,
    ARRAY[begun.position, ended.position] AS evidence,
    CASE
        WHEN (begun.entered_at, begun.position) > (ended.entered_at, ended.position)
            THEN format('task:%s in a status that is not terminal, when task:%s began', p.task_id, t.task_id)
        ELSE format('task:%s in a terminal status, when task:%s entered one', t.task_id, p.task_id)
    END AS expected,
    format(
        'task:%s is %s, although its parent task:%s is %s and has been over since %s',
        t.task_id, t.status, p.task_id, p.status, sojourn.format_utc(ended.entered_at)
    ) AS explanation,
    t.status
FROM
    sojourn.task AS child
    JOIN sojourn.current_task AS t ON t.task_id = child.task_id
    JOIN sojourn.lifecycle_class AS c
        ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version AND c.entity_kind = 'task'
    JOIN sojourn.current_task AS p ON p.task_id = child.parent_id
    JOIN sojourn.lifecycle_class AS pc
        ON pc.lifecycle = p.lifecycle AND pc.lifecycle_version = p.lifecycle_version AND pc.entity_kind = 'task'
    CROSS JOIN LATERAL sojourn.entered_since('task', t.task_id, c.active) AS begun
    CROSS JOIN LATERAL sojourn.entered_since('task', p.task_id, pc.ended) AS ended
WHERE child.parent_id IS NOT NULL AND t.status = ANY (c.active) AND p.status = ANY (pc.ended);

COMMENT ON VIEW sojourn.orphan_ended_parent IS 'Tasks that have not ended, although their parent has.';
