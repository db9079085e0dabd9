-- Return when each task of a workflow was registered, first ran and ended: what the workflow's critical path is made of.
-- A task that was run again after it had ended first ran when it did so after that.
-- The lateral queries look up one task each, however few statistics the tables have.
CREATE OR REPLACE FUNCTION sojourn.task_moments(workflow_id text)
RETURNS TABLE (
    task_id text, template text, parent_id text, registered_at timestamptz, ran_at timestamptz, ended_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    until CONSTANT timestamptz := coalesce(sojourn.as_of(), 'infinity');
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT
            s.lifecycle, s.lifecycle_version,
            array_agg(s.status) FILTER (WHERE s.entity_kind = 'task' AND s.terminal) AS terminal,
            array_agg(s.status) FILTER (WHERE s.entity_kind = 'task' AND s.running) AS running,
            array_agg(s.status) FILTER (WHERE s.entity_kind = 'task_instance' AND s.running) AS instance_running
        FROM sojourn.lifecycle_status AS s
        GROUP BY s.lifecycle, s.lifecycle_version
    ),
    task AS (
        SELECT t.task_id, t.template, t.parent_id, k.terminal, k.running, k.instance_running, b.*
        FROM
            sojourn.task AS t
            JOIN known AS k ON k.lifecycle = t.lifecycle AND k.lifecycle_version = t.lifecycle_version
            CROSS JOIN LATERAL (
                SELECT
                    min(s.entered_at) AS registered_at,
                    min(s.entered_at) FILTER (WHERE s.status = ANY (k.running)) AS ran_at,
                    max(s.entered_at) FILTER (
                        WHERE s.previous_status = ANY (k.terminal) AND s.status <> ALL (k.terminal)
                    ) AS reopened_at,
                    max(s.entered_at) AS entered_at,
                    (array_agg(s.status ORDER BY s.version DESC))[1] AS status
                FROM sojourn.transition AS s
                WHERE s.entity_kind = 'task' AND s.entity_id = t.task_id AND s.entered_at <= until
            ) AS b
        WHERE t.workflow_id = task_moments.workflow_id AND b.registered_at IS NOT NULL
    )
    SELECT
        t.task_id, t.template, t.parent_id, t.registered_at,
        coalesce(
            CASE
                WHEN t.reopened_at IS NULL THEN t.ran_at
                ELSE (
                    SELECT min(s.entered_at)
                    FROM sojourn.transition AS s
                    WHERE
                        s.entity_kind = 'task' AND s.entity_id = t.task_id AND s.status = ANY (t.running)
                        AND s.entered_at BETWEEN t.reopened_at AND until
                )
            END,
            (
                SELECT min(s.entered_at)
                FROM
                    sojourn.task_instance AS i
                    JOIN sojourn.transition AS s
                        ON s.entity_kind = 'task_instance' AND s.entity_id = i.task_instance_id
                WHERE
                    i.task_id = t.task_id AND s.status = ANY (t.instance_running)
                    AND s.entered_at BETWEEN coalesce(t.reopened_at, '-infinity') AND until
            )
        ),
        CASE WHEN t.status = ANY (t.terminal) THEN t.entered_at END
    FROM task AS t;
END
$$;

COMMENT ON FUNCTION sojourn.task_moments IS
    'When each task of a workflow was registered, first ran (NULL: it has not), and ended (NULL: it goes on), now or as '
    'of sojourn.as_of. A task that was run again after it had ended first ran when it did so after that.';
