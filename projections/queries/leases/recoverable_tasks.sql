-- Return tasks that may need recovery, in the order of their ids: pending too long, of a silent runner, or unfinished.
-- The decision is made under the lock.
SELECT t.task_id
FROM
    sojourn.task AS t
    JOIN unnest(
        %(lifecycles)s::text[], %(versions)s::integer[], %(statuses)s::text[],
        %(max_pending_seconds)s::float8[], %(runner_dead_after)s::float8[], %(needs_heartbeat)s::boolean[]
    ) AS w (lifecycle, version, status, max_pending_seconds, runner_dead_after, needs_heartbeat)
        ON w.lifecycle = t.lifecycle AND w.version = t.lifecycle_version AND w.status = t.status
    LEFT JOIN sojourn.runner AS r ON r.runner_id = t.owner
WHERE
    t.task_id > %(after)s
    AND (
        (w.max_pending_seconds IS NULL AND w.runner_dead_after IS NULL)
        OR t.entered_at < statement_timestamp() - make_interval(secs => w.max_pending_seconds)
        OR (
            coalesce(r.heard_at, t.entered_at) < statement_timestamp() - make_interval(secs => w.runner_dead_after)
            AND CASE WHEN r.runner_id IS NULL THEN NOT w.needs_heartbeat ELSE r.silent_since IS NOT NULL END
        )
    )
ORDER BY t.task_id
LIMIT %(limit)s;
