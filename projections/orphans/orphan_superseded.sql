-- Show task instances that have not ended, although a newer one of the same task is active.
CREATE OR REPLACE VIEW sojourn.orphan_superseded AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'superseded' AS rule, false AS decided,
    greatest(begun.entered_at, newer.entered_at) AS since,
    ARRAY[begun.position, newer.position] AS evidence,
    CASE
        WHEN (begun.entered_at, begun.position) > (newer.entered_at, newer.position)
            THEN format('ti:%s in a terminal status, before ti:%s began', newer.task_instance_id, i.task_instance_id)
        ELSE format('ti:%s in a terminal status, before ti:%s began', i.task_instance_id, newer.task_instance_id)
    END AS expected,
    format(
        'ti:%s is %s, although ti:%s is a newer attempt at task:%s and active since %s',
        i.task_instance_id, i.status, newer.task_instance_id, i.task_id, sojourn.format_utc(newer.entered_at)
    ) AS explanation,
    i.status
FROM
    sojourn.active_instance AS i
    CROSS JOIN LATERAL sojourn.entered_since('task_instance', i.task_instance_id, i.active) AS begun
    CROSS JOIN LATERAL (
        SELECT n.task_instance_id, began.entered_at, began.position
        FROM
            sojourn.active_instance AS n
            CROSS JOIN LATERAL sojourn.entered_since('task_instance', n.task_instance_id, n.active) AS began
        WHERE n.task_id = i.task_id AND n.ordinal > i.ordinal
        ORDER BY began.entered_at, began.position
        LIMIT 1
    ) AS newer;

COMMENT ON VIEW sojourn.orphan_superseded IS
    'Task instances that have not ended, although there is a newer one of the same task.';
