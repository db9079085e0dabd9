-- Count the attempts at tasks, and the seconds that failed ones ran, as sojourn.count_attempts does.
-- An attempt is a task instance, or, where the lifecycle has none, what num_attempts of the task counts.
WITH workflow_end AS (
    SELECT
        s.workflow_id, max(s.entered_at) AS last_at,
        coalesce(min(CASE WHEN s.entity_kind = 'task' AND s.is_known THEN CAST(s.terminal AS integer) END), 0) = 1
        AS has_ended
    FROM status_interval AS s
    WHERE s.exited_at IS NULL AND ($workflow_id IS NULL OR s.workflow_id = $workflow_id)
    GROUP BY s.workflow_id
),
instance AS (
    SELECT
        min(s.task_id) AS task_id, min(s.workflow_id) AS workflow_id, min(s.template) AS template,
        max(s.ordinal) AS ordinal,
        max(CASE WHEN s.version = 1 THEN s.entered_at END) AS began_at,
        max(CASE WHEN s.version = 1 THEN s.recorded_at END) AS recorded_at,
        max(CASE WHEN s.exited_at IS NULL AND s.terminal THEN s.entered_at END) AS ended_at,
        max(CASE WHEN s.exited_at IS NULL AND s.failure THEN 1 ELSE 0 END) = 1 AS failed,
        max(CASE WHEN s.exited_at IS NULL AND s.cancelled THEN 1 ELSE 0 END) = 1 AS cancelled,
        max(CASE WHEN s.running THEN 1 ELSE 0 END) = 1 AS ran,
        sum(CASE WHEN s.running AND s.exited_at IS NOT NULL THEN s.seconds END) AS ran_seconds,
        max(CASE WHEN s.running AND s.exited_at IS NULL THEN s.entered_at END) AS running_since
    FROM status_interval AS s
    WHERE s.entity_kind = 'task_instance' AND ($workflow_id IS NULL OR s.workflow_id = $workflow_id)
    GROUP BY s.entity_id
),
counted AS (
    SELECT
        s.*, s.num_attempts > lag(s.num_attempts, 1, 0) OVER by_version AS begins,
        s.num_attempts < lag(s.num_attempts, 1, 0) OVER by_version AS is_reset
    FROM
        status_interval AS s
        LEFT JOIN (
            SELECT DISTINCT l.lifecycle, l.lifecycle_version
            FROM lifecycle_status AS l
            WHERE l.entity_kind = 'task_instance'
        ) AS m ON m.lifecycle = s.lifecycle AND m.lifecycle_version = s.lifecycle_version
    WHERE s.entity_kind = 'task' AND s.is_known AND m.lifecycle IS NULL AND ($workflow_id IS NULL OR s.workflow_id = $workflow_id)
    WINDOW by_version AS (PARTITION BY s.entity_id, s.workflow_id ORDER BY s.version)
),
numbered AS (
    SELECT
        c.*, c.waiting AND NOT c.is_reset AS waits,
        (c.terminal OR c.failure OR c.waiting OR c.is_reset) AND NOT c.begins AS ends,
        sum(CASE WHEN c.begins THEN 1 ELSE 0 END)
            OVER (PARTITION BY c.entity_id, c.workflow_id ORDER BY c.version) AS attempt
    FROM counted AS c
),
ended AS (
    SELECT
        n.task_id, n.workflow_id, n.template, n.attempt AS ordinal, min(n.entered_at) AS began_at,
        min_by(n.recorded_at, n.position) AS recorded_at,
        min_by(n.entered_at, n.version) FILTER (WHERE n.ends) AS end_at,
        min_by(n.failure OR n.waits, n.version) FILTER (WHERE n.ends) AS failed,
        min_by(n.terminal, n.version) FILTER (WHERE n.ends) AS terminal,
        min_by(n.cancelled, n.version) FILTER (WHERE n.ends) AS cancelled,
        max(CASE WHEN n.running THEN 1 ELSE 0 END) = 1 AS ran,
        sum(CASE WHEN n.running AND n.exited_at IS NOT NULL THEN n.seconds END) AS ran_seconds,
        max(CASE WHEN n.running AND n.exited_at IS NULL THEN n.entered_at END) AS running_since
    FROM numbered AS n
    WHERE n.attempt > 0
    GROUP BY n.task_id, n.workflow_id, n.template, n.attempt
),
followed AS (
    SELECT
        e.*,
        coalesce(e.end_at, lead(e.began_at) OVER (PARTITION BY e.task_id, e.workflow_id ORDER BY e.ordinal)) AS ended_at
    FROM ended AS e
),
begun AS (
    SELECT
        i.task_id, i.workflow_id, i.template, i.ordinal, i.began_at, i.recorded_at, i.ended_at, i.ran_seconds,
        i.running_since,
        CASE
            WHEN i.ended_at IS NULL THEN NULL
            WHEN i.cancelled AND NOT i.ran THEN 'cancelled'
            WHEN i.failed THEN 'failed'
            ELSE 'succeeded'
        END AS outcome
    FROM instance AS i
    UNION ALL
    SELECT
        f.task_id, f.workflow_id, f.template, f.ordinal, f.began_at, f.recorded_at, f.ended_at, f.ran_seconds,
        f.running_since,
        CASE
            WHEN f.cancelled AND NOT f.ran THEN 'cancelled'
            WHEN f.failed THEN 'failed'
            WHEN f.terminal THEN 'succeeded'
            WHEN f.ended_at IS NOT NULL THEN 'interrupted'
        END
    FROM followed AS f
),
attempt AS (
    SELECT
        b.*, CASE WHEN b.ended_at IS NULL AND w.last_at IS NOT NULL THEN 'lost' ELSE b.outcome END AS result,
        unix_micros(coalesce(b.ended_at, w.last_at, greatest(c.now, b.began_at))) AS until_micros
    FROM
        begun AS b
        CROSS JOIN clock AS c
        LEFT JOIN workflow_end AS w
            ON w.workflow_id = b.workflow_id AND b.ended_at IS NULL
            AND (
                w.has_ended
                OR (w.last_at < c.now - INTERVAL 1 DAY AND b.began_at < b.recorded_at - INTERVAL 1 DAY)
            )
),
timed AS (
    SELECT
        a.task_id, a.ordinal, a.result,
        CASE $by WHEN 'workflow' THEN a.workflow_id WHEN 'template' THEN a.template END AS label,
        (a.until_micros - unix_micros(a.began_at)) / 1e6 AS seconds,
        coalesce(a.ran_seconds, 0)
        + coalesce(greatest(a.until_micros - unix_micros(a.running_since), 0) / 1e6, 0) AS run_seconds
    FROM attempt AS a
),
plain AS (
    SELECT
        t.label, count(DISTINCT t.task_id) AS tasks, count(*) AS attempts, max(t.ordinal) AS most_attempts,
        count(CASE WHEN t.result = 'succeeded' THEN 1 END) AS succeeded,
        count(CASE WHEN t.result = 'failed' THEN 1 END) AS failed,
        count(CASE WHEN t.result = 'cancelled' THEN 1 END) AS cancelled,
        count(CASE WHEN t.result = 'interrupted' THEN 1 END) AS interrupted,
        count(CASE WHEN t.result = 'lost' THEN 1 END) AS lost,
        count(CASE WHEN t.result IS NULL THEN 1 END) AS open,
        sum(t.seconds) AS total_seconds, sum(t.run_seconds) AS run_seconds,
        coalesce(sum(CASE WHEN t.result = 'failed' THEN t.run_seconds END), 0) AS wasted_seconds,
        count(CASE WHEN t.ordinal = 1 AND t.result = 'succeeded' THEN 1 END) AS first_succeeded,
        count(CASE WHEN t.ordinal = 1 AND t.result IN ('succeeded', 'failed', 'interrupted') THEN 1 END) AS first_ended
    FROM timed AS t
    GROUP BY t.label
)
SELECT
    p.label, p.tasks, p.attempts, CAST(p.attempts AS double) / p.tasks AS attempts_per_task,
    CAST(p.most_attempts AS bigint) AS most_attempts,
    p.succeeded, p.failed, p.cancelled, p.interrupted, p.lost, p.open, p.total_seconds, p.run_seconds, p.wasted_seconds,
    p.wasted_seconds / nullif(p.run_seconds, 0) AS wasted_share,
    CAST(p.first_succeeded AS double) / nullif(p.first_ended, 0) AS first_try_share
FROM plain AS p
ORDER BY p.label NULLS FIRST
