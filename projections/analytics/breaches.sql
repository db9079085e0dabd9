-- Return the intervals that have lasted longer than a limit.
CREATE OR REPLACE FUNCTION sojourn.breaches(limits jsonb, workflow_id text DEFAULT NULL)
RETURNS TABLE (
    entity_kind text, entity_id text, task_id text, workflow_id text, template text, status text,
    entered_at timestamptz, exited_at timestamptz, open boolean, seconds float8, limit_seconds float8
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        s.entity_kind, s.entity_id, s.task_id, s.workflow_id, s.template, s.status,
        s.entered_at, s.exited_at, s.open, s.seconds, l.seconds
    FROM
        jsonb_to_recordset(breaches.limits) AS l (entity_kind text, status text, template text, seconds float8)
        JOIN sojourn.status_interval AS s
            ON s.entity_kind = l.entity_kind AND s.status = l.status AND (l.template IS NULL OR s.template = l.template)
    WHERE
        sojourn.check_limits(breaches.limits)
        AND sojourn.check_workflow(breaches.workflow_id)
        AND s.seconds > l.seconds
        AND (breaches.workflow_id IS NULL OR s.workflow_id = breaches.workflow_id)
        -- A template's own limit takes the place of the one for all.
        AND (
            l.template IS NOT NULL
            OR (s.entity_kind, s.status, coalesce(s.template, '')) NOT IN (
                SELECT o.entity_kind, o.status, o.template
                FROM jsonb_to_recordset(breaches.limits) AS o (entity_kind text, status text, template text)
                WHERE o.template IS NOT NULL
            )
        )
    ORDER BY s.entered_at, s.entity_kind, s.entity_id, s.version
$$;

COMMENT ON FUNCTION sojourn.breaches IS
    'The intervals that have lasted longer than a limit, including open ones. Limits: [{"entity_kind", "status", '
    '"template" (NULL: every other), "seconds"}].';
