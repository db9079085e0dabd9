-- Show what entities waited for that stated it as they entered their statuses, or not at all: no interval is split.
CREATE OR REPLACE VIEW sojourn.whole_wait_interval AS
SELECT
    i.entity_kind, i.entity_id, i.task_id, i.workflow_id, i.template, i.actor, i.status, i.version, i.entered_at,
    i.entered_at AS began_at, i.ended_at, i.open, i.seconds, w.kind, w.detail, w.holders, i.lifecycle,
    i.lifecycle_version
FROM
    sojourn.status_interval AS i
    LEFT JOIN sojourn.wait AS w
        ON w.entity_kind = i.entity_kind AND w.workflow_id = i.workflow_id AND w.entity_id = i.entity_id
        AND w.version = i.version
WHERE
    NOT EXISTS (
        SELECT FROM sojourn.later_wait AS l
        WHERE l.entity_kind = i.entity_kind AND l.workflow_id = i.workflow_id AND l.entity_id = i.entity_id
    );

COMMENT ON VIEW sojourn.whole_wait_interval IS
    'The part of sojourn.wait_interval about entities that stated what they waited for as they entered a status.';
