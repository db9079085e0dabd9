-- Return when one workflow began and ended as of a time, and its tasks by status.
-- Now, the last status of a task is that of its row. As of a time it is looked up, so that the others are not read.
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
            (
                SELECT min(m.entered_at)
                FROM sojourn.transition AS m
                WHERE m.workflow_id = workflow_span.workflow_id AND m.entity_kind = 'task' AND m.entered_at <= u.time
            ) AS began_at,
            c.*
        FROM (SELECT coalesce(workflow_span.at, sojourn.as_of(), 'infinity')) AS u (time)
            CROSS JOIN LATERAL (
                SELECT
                    CASE WHEN bool_and(d.has_ended) THEN max(d.last_at) END AS ended_at,
                    coalesce(sum(d.n), 0)::bigint AS tasks, coalesce(jsonb_object_agg(d.status, d.n), '{}') AS by_status
                FROM (
                    SELECT
                        s.status, max(s.entered_at) AS last_at, count(*) AS n,
                        bool_and(
                            (s.lifecycle, s.lifecycle_version, s.status) IN (
                                SELECT l.lifecycle, l.lifecycle_version, l.status
                                FROM sojourn.lifecycle_status AS l
                                WHERE l.entity_kind = 'task' AND l.terminal
                            )
                        ) AS has_ended
                    FROM (
                        SELECT t.lifecycle, t.lifecycle_version, m.status, m.entered_at
                        FROM
                            sojourn.task AS t
                            CROSS JOIN LATERAL (
                                SELECT t.status, t.entered_at
                                WHERE u.time = 'infinity'
                                UNION ALL
                                (
                                    SELECT m.status, m.entered_at
                                    FROM sojourn.transition AS m
                                    WHERE
                                        u.time < 'infinity' AND m.entity_kind = 'task' AND m.entity_id = t.task_id
                                        AND m.entered_at <= u.time
                                    ORDER BY m.version DESC
                                    LIMIT 1
                                )
                            ) AS m
                        WHERE
                            t.workflow_id = workflow_span.workflow_id
                            AND sojourn.check_workflow(workflow_span.workflow_id)
                    ) AS s
                    GROUP BY s.status
                ) AS d
            ) AS c
    ) AS g
$$;

COMMENT ON FUNCTION sojourn.workflow_span IS
    'When the first task of one workflow was registered and its last one ended, as of a time, and its tasks by status. '
    'ended_at is NULL while a task goes on; seconds then count up to that time.';
