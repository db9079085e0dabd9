-- Show each interval with the host, reason and owner of the event that began it, as exports write it.
-- ended_at is the exit, or the time that is asked about where no exit was observed.
CREATE OR REPLACE VIEW sojourn.status_interval_detail AS
-- Materialized, because a join to the definitions themselves would parse one for each interval.
WITH known AS MATERIALIZED (
    SELECT s.* FROM sojourn.lifecycle_status AS s
)
SELECT
    a.position, a.entity_kind, a.entity_id, a.task_id, a.workflow_id, a.template, i.ordinal, a.version,
    a.previous_status, a.status, a.entered_at, a.exited_at, a.ended_at, known.terminal, known.failure, a.reported,
    a.rule, a.actor, e.data -> 'actor' ->> 'host' AS host,
    coalesce(e.data ->> 'reason', e.data ->> 'rule_reason') AS reason, e.data ->> 'owner' AS owner,
    e.data #>> '{waits_for,kind}' AS waits_for, e.data #>> '{waits_for,detail}' AS waits_for_detail
FROM
    sojourn.status_interval AS a
    INNER JOIN sojourn.event AS e ON e.position = a.position
    INNER JOIN known
        ON known.lifecycle = a.lifecycle AND known.lifecycle_version = a.lifecycle_version
        AND known.entity_kind = a.entity_kind AND known.status = a.status
    LEFT JOIN sojourn.task_instance AS i ON a.entity_kind = 'task_instance' AND i.task_instance_id = a.entity_id;

COMMENT ON VIEW sojourn.status_interval_detail IS
    'Each interval of sojourn.status_interval, with who reported it, where and why, and what it waited for as it began.';

-- The name of version 0.1, kept for one version.
CREATE OR REPLACE VIEW sojourn.stay AS
SELECT d.* FROM sojourn.status_interval_detail AS d;

COMMENT ON VIEW sojourn.stay IS 'The old name of sojourn.status_interval_detail.';
