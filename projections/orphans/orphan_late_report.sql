-- Show task instances whose report of a failure arrived after their task had ended, and that the orphan rule has ended.
-- Its sentences go by when things happened: a failure may be older than the task's end, and only its report is late.
CREATE OR REPLACE VIEW sojourn.orphan_late_report AS
SELECT
    'task_instance' AS entity_kind, r.entity_id, r.task_id, r.workflow_id,
    'late-report' AS rule, true AS decided,
    greatest(r.entered_at, ended.entered_at) AS since,
    ARRAY[ended.position, r.position] AS evidence,
    CASE
        WHEN r.entered_at < ended.entered_at
            THEN format('ti:%s reporting %s at %s, when it happened', r.entity_id, r.reported, shown.at)
        WHEN (begun.entered_at, begun.position) > (ended.entered_at, ended.position)
            THEN format('task:%s in a status that is not terminal, when ti:%s began', r.task_id, r.entity_id)
        ELSE format('ti:%s reporting %s before %s, when task:%s ended', r.entity_id, r.reported, shown.over_at, r.task_id)
    END AS expected,
    CASE
        WHEN r.entered_at < ended.entered_at
            THEN format(
                'ti:%s failed with %s at %s, but its report arrived when task:%s was already %s since %s%s',
                r.entity_id, r.reported, shown.at, r.task_id, ended.status, shown.over_at, shown.ended_by
            )
        ELSE format(
            'ti:%s reported %s at %s; task:%s was already %s since %s%s',
            r.entity_id, r.reported, shown.at, r.task_id, ended.status, shown.over_at, shown.ended_by
        )
    END || format(
        '; rule %s %s', r.rule,
        CASE
            WHEN r.reported = r.status THEN 'left the task so'
            ELSE format('turned %s into %s', r.reported, r.status)
        END
    ) AS explanation,
    r.status
FROM
    sojourn.transition AS r
    CROSS JOIN LATERAL (
        SELECT t.position, t.status, t.entered_at
        FROM sojourn.transition AS t
        WHERE t.entity_kind = 'task' AND t.entity_id = r.task_id AND t.position < r.position
        ORDER BY t.version DESC
        LIMIT 1
    ) AS ended
    JOIN sojourn.transition AS begun
        ON begun.entity_kind = r.entity_kind AND begun.entity_id = r.entity_id AND begun.version = 1
    JOIN sojourn.stored_event AS e ON e.position = ended.position
    CROSS JOIN LATERAL (
        SELECT
            sojourn.format_utc(r.entered_at) AS at, sojourn.format_utc(ended.entered_at) AS over_at,
            ' by ti:' || substring(sojourn.event_cause(e) FROM '^task_instance:(.+)@[0-9]+$') AS ended_by
    ) AS shown
WHERE
    r.entity_kind = 'task_instance' AND r.rule = 'orphaned-instance'
    AND greatest(r.entered_at, ended.entered_at) <= coalesce((SELECT sojourn.as_of()), 'infinity');

COMMENT ON VIEW sojourn.orphan_late_report IS
    'Task instances whose report of a failure arrived after their task had ended, and that the orphan rule has ended.';
