-- Every status that a task or an instance was in, with what is known of how it came about.
-- ended_at: where no exit was observed, the stay has lasted until now, or until sojourn.as_of.
CREATE OR REPLACE VIEW sojourn.stay AS
-- Read once, and few: joined to the definitions themselves, they would be taken apart for each row.
WITH known AS MATERIALIZED (
    SELECT s.* FROM sojourn.lifecycle_status AS s
),
stayed AS (
    SELECT
        'task' AS entity_kind, a.task_id AS entity_id, a.task_id, a.workflow_id, t.template, NULL::integer AS ordinal,
        a.version, a.previous_status, a.new_status, a.entered_at, a.exited_at, a.duration, a.position, a.reported,
        a.rule, a.actor, t.lifecycle, t.lifecycle_version
    FROM
        sojourn.task_status_audit AS a
        INNER JOIN sojourn.task AS t ON t.task_id = a.task_id
    UNION ALL
    SELECT
        'task_instance', a.task_instance_id, a.task_id, a.workflow_id, t.template, i.ordinal, a.version,
        a.previous_status, a.new_status, a.entered_at, a.exited_at, a.duration, a.position, a.reported, a.rule,
        a.actor, t.lifecycle, t.lifecycle_version
    FROM
        sojourn.task_instance_status_audit AS a
        INNER JOIN sojourn.task_instance AS i ON i.task_instance_id = a.task_instance_id
        INNER JOIN sojourn.task AS t ON t.task_id = a.task_id
)
SELECT
    a.position, a.entity_kind, a.entity_id, a.task_id, a.workflow_id, a.template, a.ordinal, a.version,
    a.previous_status, a.new_status AS status, a.entered_at, a.exited_at, a.entered_at + a.duration AS ended_at,
    known.terminal, known.failure, a.reported, a.rule, a.actor,
    e.data -> 'actor' ->> 'host' AS host, coalesce(e.data ->> 'reason', e.data ->> 'rule_reason') AS reason,
    e.data ->> 'owner' AS owner
FROM
    stayed AS a
    INNER JOIN sojourn.event AS e ON e.position = a.position
    INNER JOIN known
        ON known.lifecycle = a.lifecycle AND known.lifecycle_version = a.lifecycle_version
        AND known.entity_kind = a.entity_kind AND known.status = a.new_status;
COMMENT ON VIEW sojourn.stay IS 'Every status that a task or an instance was in, with who reported it and why.';
