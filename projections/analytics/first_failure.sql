-- Return the first failure of one workflow as of a time: the first attempt that entered a failure status.
-- An attempt is a task instance, or the task where its lifecycle has no instances.
CREATE OR REPLACE FUNCTION sojourn.first_failure(workflow_id text, at timestamptz DEFAULT NULL)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, template text, status text, entered_at timestamptz, rule text,
    actor text, reason text
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH known AS MATERIALIZED (
        SELECT l.* FROM sojourn.lifecycle_status AS l
    )
    SELECT
        f.entity_kind, f.entity_id, f.task_id, f.template, f.status, f.entered_at, m.rule, m.actor,
        e.data ->> 'reason'
    FROM
        (
            SELECT i.*
            FROM (
                SELECT 'task_instance' AS entity_kind, a.*
                FROM sojourn.workflow_intervals(first_failure.workflow_id, first_failure.at, 'task_instance') AS a
                UNION ALL
                SELECT 'task', t.*
                FROM sojourn.workflow_intervals(first_failure.workflow_id, first_failure.at) AS t
                WHERE (t.lifecycle, t.lifecycle_version) NOT IN (
                    SELECT k.lifecycle, k.lifecycle_version FROM known AS k WHERE k.entity_kind = 'task_instance'
                )
            ) AS i
            WHERE (i.lifecycle, i.lifecycle_version, i.entity_kind, i.status) IN (
                SELECT k.lifecycle, k.lifecycle_version, k.entity_kind, k.status FROM known AS k WHERE k.failure
            )
            ORDER BY i.entered_at, i.position
            LIMIT 1
        ) AS f
        JOIN sojourn.transition AS m
            ON m.entity_kind = f.entity_kind AND m.entity_id = f.entity_id AND m.version = f.version
        JOIN sojourn.event AS e ON e.position = m.position
$$;

COMMENT ON FUNCTION sojourn.first_failure IS
    'The first attempt of one workflow that entered a failure status, as of a time, with the actor and reason of the '
    'report: a task instance, or the task where its lifecycle has none.';
