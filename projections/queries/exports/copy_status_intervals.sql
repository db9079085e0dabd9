-- Copy the intervals out as CSV, in the order in which statuses were entered.
COPY (
    SELECT
        to_char(s.entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, s.entity_kind, s.entity_id, s.task_id,
        s.workflow_id, s.template, s.ordinal, s.version, s.previous_status, s.status, s.entered_at, s.exited_at,
        date_part('epoch', s.ended_at - s.entered_at) AS duration_seconds, s.terminal, s.reported, s.rule, s.actor,
        s.host, s.reason, s.position, s.waits_for, s.waits_for_detail
    FROM sojourn.status_interval_detail AS s
    WHERE %(workflow_id)s::text IS NULL OR s.workflow_id = %(workflow_id)s
    ORDER BY s.entered_at, s.position
) TO STDOUT (FORMAT csv);
