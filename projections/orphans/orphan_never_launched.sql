-- Show task instances that have waited for a distributor's id for longer than sojourn.never_launched_after.
CREATE OR REPLACE VIEW sojourn.orphan_never_launched AS
SELECT
    'task_instance' AS entity_kind, i.task_instance_id AS entity_id, i.task_id, i.workflow_id,
    'never-launched' AS rule, false AS decided,
    waiting.entered_at + threshold.allowed AS since,
    ARRAY[waiting.position] AS evidence,
    format(
        'ti:%s with a distributor id by %s', i.task_instance_id,
        sojourn.format_utc(waiting.entered_at + threshold.allowed)
    ) AS expected,
    format(
        'ti:%s is %s, and no distributor has given it an id since %s (allowed: %s)',
        i.task_instance_id, i.status, sojourn.format_utc(waiting.entered_at), threshold.allowed
    ) AS explanation,
    i.status
FROM
    (SELECT sojourn.orphan_threshold('never_launched_after')::interval) AS threshold (allowed)
    CROSS JOIN sojourn.active_instance AS i
    CROSS JOIN LATERAL sojourn.entered_since('task_instance', i.task_instance_id, i.awaits_distributor) AS waiting
WHERE
    i.status = ANY (i.awaits_distributor)
    AND NOT EXISTS (
        SELECT FROM sojourn.stored_event AS e
        WHERE
            i.distributor_id IS NOT NULL -- by now
            AND e.entity_kind = 'task_instance' AND e.entity_id = i.task_instance_id
            AND e.distributor_id IS NOT NULL
            AND greatest(coalesce(e.occurred_at, e.recorded_at), e.entered_at) <= sojourn.as_of_or_now()
    )
    AND waiting.entered_at + threshold.allowed < sojourn.as_of_or_now();

COMMENT ON VIEW sojourn.orphan_never_launched IS
    'Task instances that have waited for a distributor''s id for longer than sojourn.never_launched_after.';
