-- Return the first failure of a workflow.
SELECT
    CASE f.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || f.entity_id AS entity, f.template, f.status,
    f.entered_at AS at, f.rule, f.actor, f.reason
FROM sojourn.first_failure(%(workflow_id)s, %(at)s::timestamptz) AS f;
