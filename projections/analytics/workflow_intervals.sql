-- Return the statuses that the tasks or task instances of one workflow were in, as of a time.
-- Each entity is looked up in the index, so that the size of the log does not matter, with and without statistics.
CREATE OR REPLACE FUNCTION sojourn.workflow_intervals(
    workflow_id text, at timestamptz DEFAULT NULL, entity_kind text DEFAULT 'task'
)
RETURNS TABLE (
    entity_id text, task_id text, template text, lifecycle text, lifecycle_version integer, status text,
    entered_at timestamptz, exited_at timestamptz, open boolean, seconds float8, version integer, "position" bigint
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        e.entity_id, e.task_id, e.template, e.lifecycle, e.lifecycle_version, s.status, s.entered_at, s.exited_at,
        s.exited_at IS NULL,
        date_part(
            'epoch',
            coalesce(
                s.exited_at, workflow_intervals.at, (SELECT sojourn.as_of()),
                greatest(statement_timestamp(), s.entered_at)
            ) - s.entered_at
        ),
        s.version, s.position
    FROM
        (
            SELECT t.task_id AS entity_id, t.task_id, t.template, t.lifecycle, t.lifecycle_version
            FROM sojourn.task AS t
            WHERE workflow_intervals.entity_kind = 'task' AND t.workflow_id = workflow_intervals.workflow_id
            UNION ALL
            SELECT i.task_instance_id, t.task_id, t.template, t.lifecycle, t.lifecycle_version
            FROM sojourn.task AS t JOIN sojourn.task_instance AS i ON i.task_id = t.task_id
            WHERE workflow_intervals.entity_kind = 'task_instance' AND t.workflow_id = workflow_intervals.workflow_id
        ) AS e
        CROSS JOIN LATERAL (
            SELECT
                m.status, m.entered_at, lead(m.entered_at) OVER (ORDER BY m.version) AS exited_at, m.version, m.position
            FROM sojourn.transition AS m
            WHERE
                m.entity_kind = workflow_intervals.entity_kind AND m.entity_id = e.entity_id
                AND m.entered_at <= coalesce(workflow_intervals.at, (SELECT sojourn.as_of()), 'infinity')
        ) AS s
    WHERE
        sojourn.check_choice('entity_kind', workflow_intervals.entity_kind, ARRAY['task', 'task_instance'])
        AND sojourn.check_workflow(workflow_intervals.workflow_id)
$$;

COMMENT ON FUNCTION sojourn.workflow_intervals IS
    'The statuses that the tasks or task instances of one workflow were in, as of a time (NULL: sojourn.as_of, else '
    'now). An open interval counts up to then.';
