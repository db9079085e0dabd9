-- Show task instances whose report or heartbeat is overdue, so that they are silent (sojourn.silence_intervals).
-- One that has no lease, and whose status holds without an end, is not silent, which its row shows at once.
CREATE OR REPLACE VIEW sojourn.orphan_missed_heartbeat AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'missed-heartbeat' AS rule, false AS decided,
    silence.since,
    ARRAY[entry.position] AS evidence,
    CASE
        WHEN silence.since <= entry.entered_at
            THEN format('a report_by_date of ti:%s after %s', i.task_instance_id, sojourn.format_utc(entry.entered_at))
        ELSE format('a report or heartbeat of ti:%s by %s', i.task_instance_id, sojourn.format_utc(silence.since))
    END AS expected,
    format(
        'ti:%s is %s since %s, and its report was due by %s',
        i.task_instance_id, i.status, sojourn.format_utc(i.entered_at), sojourn.format_utc(silence.since)
    ) AS explanation,
    i.status
FROM
    sojourn.active_instance AS i
    CROSS JOIN LATERAL (
        SELECT lower(s.range) AS since
        FROM unnest(sojourn.silence_intervals('task_instance', i.task_instance_id)) AS s (range)
        WHERE lower(s.range) < sojourn.as_of_or_now() AND upper(s.range) > sojourn.as_of_or_now()
    ) AS silence
    CROSS JOIN LATERAL sojourn.entered_since('task_instance', i.task_instance_id, ARRAY[i.status]) AS entry
WHERE
    i.status = ANY (i.awaits_report)
    AND (
        i.report_by_date IS NOT NULL
        OR EXISTS (SELECT FROM sojourn.lease AS l WHERE l.holder = 'task_instance:' || i.task_instance_id)
    );

COMMENT ON VIEW sojourn.orphan_missed_heartbeat IS 'Task instances whose report or heartbeat is overdue.';
