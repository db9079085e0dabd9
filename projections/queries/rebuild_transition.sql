INSERT INTO sojourn_rebuild.transition (
    position, entity_kind, entity_id, version, task_id, workflow_id, previous_status, status, entered_at,
    reported, rule, actor, num_attempts, report_by_date
)
SELECT
    e.position, s.entity_kind, s.entity_id, e.version, coalesce(d.task_id, s.entity_id), e.workflow_id,
    d.previous_status, d.status, e.entered_at, d.reported, d.rule, d.actor, d.num_attempts, d.report_by_date
FROM
    sojourn.event AS e,
    LATERAL sojourn.decode(e.data) AS d,
    LATERAL (
        SELECT split_part(e.stream, ':', 1), substr(e.stream, strpos(e.stream, ':') + 1)
    ) AS s (entity_kind, entity_id)
WHERE
    e.position > %(after)s AND e.position <= %(upto)s
    AND (d.previous_status IS NOT NULL OR e.version = 1)
    AND s.entity_kind IN ('task', 'task_instance');
