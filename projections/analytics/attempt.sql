-- Show each attempt at a task with its times and its outcome.
-- An attempt is a task instance where the lifecycle has them. Elsewhere one begins each time that num_attempts of the
-- task grows, and ends as the task ends, fails, waits for another try, is reset, or begins another.
CREATE OR REPLACE VIEW sojourn.attempt AS
SELECT
    a.task_id, a.workflow_id, a.template, a.ordinal, a.task_instance_id, a.status, a.began_at, a.ended_at, a.outcome,
    date_part(
        'epoch',
        coalesce(a.ended_at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), a.began_at)) - a.began_at
    ) AS seconds
FROM (
    SELECT
        i.task_id, i.workflow_id, t.template, i.ordinal, i.task_instance_id, i.status,
        b.entered_at AS began_at,
        CASE WHEN l.terminal THEN i.entered_at END AS ended_at,
        CASE WHEN l.terminal THEN CASE WHEN l.failure THEN 'failed' ELSE 'succeeded' END END AS outcome
    FROM
        sojourn.current_task_instance AS i
        JOIN sojourn.transition AS b
            ON b.entity_kind = 'task_instance' AND b.entity_id = i.task_instance_id AND b.version = 1
        JOIN sojourn.task AS t ON t.task_id = i.task_id
        LEFT JOIN sojourn.lifecycle_status AS l
            ON l.lifecycle = t.lifecycle AND l.lifecycle_version = t.lifecycle_version
            AND l.entity_kind = 'task_instance' AND l.status = i.status
    UNION ALL
    SELECT
        e.task_id, e.workflow_id, e.template, e.ordinal, NULL, coalesce(e.end_status, e.last_status),
        e.began_at, coalesce(e.end_at, e.next_began_at),
        CASE
            WHEN e.end_failed OR e.end_waits THEN 'failed'
            WHEN e.end_terminal THEN 'succeeded'
            WHEN coalesce(e.end_at, e.next_began_at) IS NOT NULL THEN 'interrupted'
        END
    FROM (
        SELECT
            n.task_id, n.workflow_id, n.template, n.ordinal,
            min(n.entered_at) AS began_at,
            (array_agg(n.status ORDER BY n.version DESC))[1] AS last_status,
            (array_agg(n.status ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_status,
            (array_agg(n.entered_at ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_at,
            (array_agg(n.failure ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_failed,
            (array_agg(n.waiting ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_waits,
            (array_agg(n.terminal ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_terminal,
            lead(min(n.entered_at)) OVER (PARTITION BY n.task_id, n.workflow_id ORDER BY n.ordinal) AS next_began_at
        FROM (
            SELECT
                s.task_id, s.workflow_id, s.template, s.version, s.entered_at, s.new_status AS status,
                l.terminal, l.failure, l.waiting AND NOT s.is_reset AS waiting,
                (l.terminal OR l.failure OR l.waiting OR s.is_reset) AND NOT s.begins AS ends,
                (count(*) FILTER (WHERE s.begins)
                    OVER (PARTITION BY s.task_id, s.workflow_id ORDER BY s.version))::integer AS ordinal
            FROM
                (
                    SELECT
                        a.*,
                        a.num_attempts > lag(a.num_attempts, 1, 0) OVER by_version AS begins,
                        a.num_attempts < lag(a.num_attempts, 1, 0) OVER by_version AS is_reset
                    FROM sojourn.task_status_audit AS a
                    WINDOW by_version AS (PARTITION BY a.task_id, a.workflow_id ORDER BY a.version)
                ) AS s
                JOIN sojourn.lifecycle_status AS l
                    ON l.lifecycle = s.lifecycle AND l.lifecycle_version = s.lifecycle_version
                    AND l.entity_kind = 'task' AND l.status = s.new_status
            WHERE (s.lifecycle, s.lifecycle_version) NOT IN (
                SELECT m.lifecycle, m.lifecycle_version
                FROM sojourn.lifecycle_status AS m
                WHERE m.entity_kind = 'task_instance'
            )
        ) AS n
        WHERE n.ordinal > 0
        GROUP BY n.task_id, n.workflow_id, n.template, n.ordinal
    ) AS e
) AS a;

COMMENT ON VIEW sojourn.attempt IS
    'One row for each attempt at a task: a task instance, or, where the lifecycle has none, what num_attempts counts. '
    'outcome is succeeded, failed, or interrupted (reset, or begun again without a failure); NULL while it goes on, '
    'and its seconds then run up to now, or to sojourn.as_of.';
