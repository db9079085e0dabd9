-- Return when one workflow began and ended as of a time, and its tasks by status.
CREATE OR REPLACE FUNCTION sojourn.workflow_span(workflow_id text, at timestamptz DEFAULT NULL)
RETURNS TABLE (began_at timestamptz, ended_at timestamptz, seconds float8, tasks bigint, by_status jsonb)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        g.began_at, g.ended_at,
        date_part(
            'epoch',
            coalesce(
                g.ended_at, workflow_span.at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), g.began_at)
            ) - g.began_at
        ),
        g.tasks, g.by_status
    FROM (
        SELECT
            min(c.began_at) AS began_at, CASE WHEN bool_and(c.has_ended) THEN max(c.last_at) END AS ended_at,
            coalesce(sum(c.n), 0)::bigint AS tasks,
            coalesce(jsonb_object_agg(c.status, c.n) FILTER (WHERE c.n > 0), '{}') AS by_status
        FROM (
            SELECT
                s.status, min(s.entered_at) FILTER (WHERE s.version = 1) AS began_at,
                max(s.entered_at) FILTER (WHERE s.open) AS last_at,
                count(*) FILTER (WHERE s.open) AS n,
                coalesce(
                    bool_and(
                        (s.lifecycle, s.lifecycle_version, s.status) IN (
                            SELECT l.lifecycle, l.lifecycle_version, l.status
                            FROM sojourn.lifecycle_status AS l
                            WHERE l.entity_kind = 'task' AND l.terminal
                        )
                    ) FILTER (WHERE s.open),
                    true
                ) AS has_ended
            FROM sojourn.workflow_intervals(workflow_span.workflow_id, workflow_span.at) AS s
            GROUP BY s.status
        ) AS c
    ) AS g
$$;

COMMENT ON FUNCTION sojourn.workflow_span IS
    'When the first task of one workflow was registered and its last one ended, as of a time, and its tasks by status. '
    'ended_at is NULL while a task goes on; seconds then count up to that time.';
