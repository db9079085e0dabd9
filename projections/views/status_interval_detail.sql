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
    a.rule, a.actor, sojourn.event_host(e) AS host,
    coalesce(e.reason, e.rest ->> 'rule_reason') AS reason, e.owner COLLATE "default" AS owner,
    -- As they were typed before, because a view keeps the collations of its columns.
    w.kind COLLATE "default" AS waits_for, w.detail COLLATE "default" AS waits_for_detail
FROM
    sojourn.status_interval AS a
    INNER JOIN sojourn.stored_event AS e ON e.position = a.position
    INNER JOIN known
        ON known.lifecycle = a.lifecycle AND known.lifecycle_version = a.lifecycle_version
        AND known.entity_kind = a.entity_kind AND known.status = a.status
    LEFT JOIN sojourn.task_instance AS i ON a.entity_kind = 'task_instance' AND i.task_instance_id = a.entity_id
    -- What the entity stated first in this status: as it entered it, or by a proposal that a rule let wait.
    LEFT JOIN LATERAL (
        SELECT w.kind, w.detail
        FROM sojourn.wait AS w
        WHERE
            w.entity_kind = a.entity_kind AND w.entity_id = a.entity_id AND w.version >= a.version
            AND w.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
            AND NOT EXISTS (
                SELECT FROM sojourn.transition AS t
                WHERE
                    t.entity_kind = w.entity_kind AND t.entity_id = w.entity_id AND t.version > a.version
                    AND t.version <= w.version
            )
        ORDER BY w.version
        LIMIT 1
    ) AS w ON true;

COMMENT ON VIEW sojourn.status_interval_detail IS
    'Each interval of sojourn.status_interval, with who reported it, where and why, and what it waited for first.';

-- The name of version 0.1, kept for one version.
CREATE OR REPLACE VIEW sojourn.stay AS
SELECT d.* FROM sojourn.status_interval_detail AS d;

COMMENT ON VIEW sojourn.stay IS 'The old name of sojourn.status_interval_detail.';
