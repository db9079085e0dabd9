-- Show task instances that reported a failure after their task had ended, and that the orphan rule has ended.
CREATE OR REPLACE VIEW sojourn.orphan_late_report AS
SELECT
    'task_instance' AS entity_kind, r.entity_id, r.task_id, r.workflow_id,
    'late-report' AS rule, true AS decided,
    r.entered_at AS since,
    ARRAY[ended.position, r.position] AS evidence,
    format(
        'ti:%s reporting %s before %s, when task:%s ended',
        r.entity_id, r.reported, sojourn.format_utc(ended.entered_at), r.task_id
    ) AS expected,
    format(
        'ti:%s reported %s at %s; task:%s was already %s since %s%s; rule %s %s',
        r.entity_id, r.reported, sojourn.format_utc(r.entered_at), r.task_id, ended.status,
        sojourn.format_utc(ended.entered_at),
        ' by ti:' || substring(e.data ->> 'cause' FROM '^task_instance:(.+)@[0-9]+$'), r.rule,
        CASE
            WHEN r.reported = r.status THEN 'left the task so'
            ELSE format('turned %s into %s', r.reported, r.status)
        END
    ) AS explanation
FROM
    sojourn.transition AS r
    CROSS JOIN LATERAL (
        SELECT t.position, t.status, t.entered_at
        FROM sojourn.transition AS t
        WHERE t.entity_kind = 'task' AND t.entity_id = r.task_id AND t.position < r.position
        ORDER BY t.version DESC
        LIMIT 1
    ) AS ended
    JOIN sojourn.event AS e ON e.position = ended.position
WHERE
    r.entity_kind = 'task_instance' AND r.rule = 'orphaned-instance'
    AND r.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity');

COMMENT ON VIEW sojourn.orphan_late_report IS
    'Task instances that reported a failure after their task had ended, and that the orphan rule has ended.';
