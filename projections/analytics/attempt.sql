-- Show each attempt at a task with its times and its outcome.
-- An attempt is a task instance where the lifecycle has them. Elsewhere one begins each time that num_attempts of the
-- task grows, and ends as the task ends, fails, waits for another try, is reset, or begins another.
-- An attempt that did not end has ended with its workflow: once all tasks of that have ended, or, where the record was
-- stored more than a day after the attempt began (an import), once nothing has followed for a day.
CREATE OR REPLACE VIEW sojourn.attempt AS
-- Materialized, because a join to the definitions themselves would parse one for each interval.
WITH known AS MATERIALIZED (
    SELECT s.* FROM sojourn.lifecycle_status AS s
)
SELECT
    u.task_id, u.workflow_id, u.template, u.ordinal, u.task_instance_id, u.status, u.began_at,
    u.ended_at, u.outcome,
    date_part('epoch', u.until - u.began_at) AS seconds,
    coalesce(u.ran_seconds, 0) + coalesce(date_part('epoch', greatest(u.until - u.running_since, '0')), 0) AS run_seconds,
    u.running_since
FROM (
    SELECT
        a.task_id, a.workflow_id, a.template, a.ordinal, a.task_instance_id, a.status, a.began_at,
        coalesce(a.ended_at, w.last_at) AS ended_at,
        CASE WHEN a.ended_at IS NULL AND w.last_at IS NOT NULL THEN 'lost' ELSE a.outcome END AS outcome,
        coalesce(
            a.ended_at, w.last_at, (SELECT sojourn.as_of()), greatest(statement_timestamp(), a.began_at)
        ) AS until,
        a.ran_seconds, a.running_since
    FROM
        (
            SELECT
                i.task_id, i.workflow_id, t.template, i.ordinal, i.task_instance_id, i.status,
                b.entered_at AS began_at, b.position AS began_position,
                CASE WHEN l.terminal THEN i.entered_at END AS ended_at,
                CASE
                    WHEN l.terminal AND l.cancelled AND r.task_instance_id IS NULL THEN 'cancelled'
                    WHEN l.terminal THEN CASE WHEN l.failure THEN 'failed' ELSE 'succeeded' END
                END AS outcome,
                r.ran_seconds, r.running_since
            FROM
                sojourn.current_task_instance AS i
                JOIN sojourn.transition AS b
                    ON b.entity_kind = 'task_instance' AND b.entity_id = i.task_instance_id AND b.version = 1
                JOIN sojourn.task AS t ON t.task_id = i.task_id
                LEFT JOIN known AS l
                    ON l.lifecycle = t.lifecycle AND l.lifecycle_version = t.lifecycle_version
                    AND l.entity_kind = 'task_instance' AND l.status = i.status
                LEFT JOIN (
                    SELECT
                        s.task_instance_id, s.workflow_id,
                        sum(date_part('epoch', s.exited_at - s.entered_at)) AS ran_seconds,
                        max(s.entered_at) FILTER (WHERE s.exited_at IS NULL) AS running_since
                    FROM
                        sojourn.task_instance_status_audit AS s
                        JOIN known AS k
                            ON k.lifecycle = s.lifecycle AND k.lifecycle_version = s.lifecycle_version
                            AND k.entity_kind = 'task_instance' AND k.status = s.new_status AND k.running
                    GROUP BY s.task_instance_id, s.workflow_id
                ) AS r ON r.task_instance_id = i.task_instance_id AND r.workflow_id = i.workflow_id
            UNION ALL
            SELECT
                e.task_id, e.workflow_id, e.template, e.ordinal, NULL, coalesce(e.end_status, e.last_status),
                e.began_at, e.began_position, coalesce(e.end_at, e.next_began_at),
                CASE
                    WHEN e.end_cancelled AND NOT e.ran THEN 'cancelled'
                    WHEN e.end_failed OR e.end_waits THEN 'failed'
                    WHEN e.end_terminal THEN 'succeeded'
                    WHEN coalesce(e.end_at, e.next_began_at) IS NOT NULL THEN 'interrupted'
                END,
                e.ran_seconds, e.running_since
            FROM (
                SELECT
                    n.task_id, n.workflow_id, n.template, n.ordinal,
                    min(n.entered_at) AS began_at, min(n.position) AS began_position,
                    (array_agg(n.status ORDER BY n.version DESC))[1] AS last_status,
                    (array_agg(n.status ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_status,
                    (array_agg(n.entered_at ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_at,
                    (array_agg(n.failure ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_failed,
                    (array_agg(n.waiting ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_waits,
                    (array_agg(n.terminal ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_terminal,
                    (array_agg(n.cancelled ORDER BY n.version) FILTER (WHERE n.ends))[1] AS end_cancelled,
                    bool_or(n.running) AS ran,
                    sum(date_part('epoch', n.exited_at - n.entered_at)) FILTER (WHERE n.running) AS ran_seconds,
                    max(n.entered_at) FILTER (WHERE n.running AND n.exited_at IS NULL) AS running_since,
                    lead(min(n.entered_at))
                        OVER (PARTITION BY n.task_id, n.workflow_id ORDER BY n.ordinal) AS next_began_at
                FROM (
                    SELECT
                        s.task_id, s.workflow_id, s.template, s.version, s.position, s.entered_at, s.exited_at,
                        s.new_status AS status, l.terminal, l.failure, l.cancelled, l.running,
                        l.waiting AND NOT s.is_reset AS waiting,
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
                        JOIN known AS l
                            ON l.lifecycle = s.lifecycle AND l.lifecycle_version = s.lifecycle_version
                            AND l.entity_kind = 'task' AND l.status = s.new_status
                    WHERE (s.lifecycle, s.lifecycle_version) NOT IN (
                        SELECT m.lifecycle, m.lifecycle_version
                        FROM known AS m
                        WHERE m.entity_kind = 'task_instance'
                    )
                ) AS n
                WHERE n.ordinal > 0
                GROUP BY n.task_id, n.workflow_id, n.template, n.ordinal
            ) AS e
        ) AS a
        LEFT JOIN sojourn.workflow_end AS w
            ON w.workflow_id = a.workflow_id AND a.ended_at IS NULL
            AND (
                w.has_ended
                OR (
                    w.last_at < coalesce((SELECT sojourn.as_of()), statement_timestamp()) - interval '1 day'
                    AND a.began_at < (
                        SELECT began.recorded_at - interval '1 day'
                        FROM sojourn.stored_event AS began
                        WHERE began.position = a.began_position
                    )
                )
            )
) AS u;

COMMENT ON VIEW sojourn.attempt IS
    'One row for each attempt at a task: a task instance, or, where the lifecycle has none, what num_attempts counts. '
    'outcome is succeeded, failed, cancelled (before it ran), interrupted (reset, or begun again without a failure), or '
    'lost (it never ended, but its workflow did); NULL while it goes on, and its seconds then run up to now, or to '
    'sojourn.as_of. run_seconds are those in statuses that the lifecycle calls running; running_since is when it entered '
    'the one in which it runs.';
