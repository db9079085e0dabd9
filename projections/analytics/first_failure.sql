-- Return the first failure of one workflow as of a time: the first attempt that entered a failure status.
-- An attempt is a task instance, or the task where its lifecycle has no instances. What entered a failure of any lifecycle is
-- picked from the statuses of the workflow before it is joined, because few did.
CREATE OR REPLACE FUNCTION sojourn.first_failure(workflow_id text, at timestamptz DEFAULT NULL)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, template text, status text, entered_at timestamptz, rule text,
    actor text, reason text
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH known AS MATERIALIZED (
        SELECT s.lifecycle, s.lifecycle_version, s.entity_kind, s.status, s.failure
        FROM sojourn.lifecycle_status AS s
    ),
    failed AS MATERIALIZED (
        SELECT m.entity_kind, m.entity_id, m.task_id, m.status, m.entered_at, m.rule, m.actor, m.position
        FROM sojourn.transition AS m
        WHERE
            m.workflow_id = first_failure.workflow_id
            AND m.status = ANY (ARRAY(SELECT k.status FROM known AS k WHERE k.failure))
            AND m.entered_at <= coalesce(first_failure.at, (SELECT sojourn.as_of()), 'infinity')
            AND sojourn.check_workflow(first_failure.workflow_id)
    )
    SELECT
        f.entity_kind, f.entity_id, f.task_id, f.template, f.status, f.entered_at, f.rule, f.actor, e.reason
    FROM
        (
            SELECT m.*, t.template
            FROM
                failed AS m
                JOIN sojourn.task AS t ON t.task_id = m.task_id
                JOIN known AS k
                    ON k.lifecycle = t.lifecycle AND k.lifecycle_version = t.lifecycle_version
                    AND k.entity_kind = m.entity_kind AND k.status = m.status AND k.failure
            WHERE
                m.entity_kind = 'task_instance'
                OR (t.lifecycle, t.lifecycle_version) NOT IN (
                    SELECT i.lifecycle, i.lifecycle_version FROM known AS i WHERE i.entity_kind = 'task_instance'
                )
            ORDER BY m.entered_at, m.position
            LIMIT 1
        ) AS f
        JOIN sojourn.stored_event AS e ON e.position = f.position
$$;

COMMENT ON FUNCTION sojourn.first_failure IS
    'The first attempt of one workflow that entered a failure status, as of a time, with the actor and reason of the '
    'report: a task instance, or the task where its lifecycle has none.';
