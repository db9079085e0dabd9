-- Return the stays of some workflows that events up to a position have ended.
-- The settings keep to their own rows, with and without statistics.
CREATE OR REPLACE FUNCTION sojourn.stays_of_workflows(workflow_ids text[], upto bigint)
RETURNS TABLE (
    entity_kind text, template text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz,
    ended_at timestamptz, seconds numeric
)
LANGUAGE sql STABLE PARALLEL SAFE
SET enable_seqscan = off AS $$
    SELECT
        s.entity_kind, s.template, s.lifecycle, s.lifecycle_version, s.status, s.entered_at, s.ended_at,
        extract(epoch FROM s.ended_at - s.entered_at)
    FROM (
        SELECT
            n.kind AS entity_kind, n.template, n.lifecycle, n.lifecycle_version, m.status, m.entered_at,
            lead(m.entered_at) OVER in_entity AS ended_at, lead(m.position) OVER in_entity AS ended_by
        FROM
            (
                SELECT 'task' AS kind, t.task_id AS id, t.template, t.lifecycle, t.lifecycle_version
                FROM sojourn.task AS t
                WHERE t.workflow_id = ANY (stays_of_workflows.workflow_ids)
                UNION ALL
                SELECT 'task_instance', i.task_instance_id, t.template, t.lifecycle, t.lifecycle_version
                FROM sojourn.task AS t INNER JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
                WHERE t.workflow_id = ANY (stays_of_workflows.workflow_ids)
            ) AS n
            INNER JOIN sojourn.transition AS m ON m.entity_kind = n.kind AND m.entity_id = n.id
        WINDOW in_entity AS (PARTITION BY m.entity_kind, m.entity_id ORDER BY m.version)
    ) AS s
    WHERE s.ended_by <= stays_of_workflows.upto
$$;

COMMENT ON FUNCTION sojourn.stays_of_workflows IS
    'The stays of tasks and task instances of some workflows that events up to a position have ended.';
