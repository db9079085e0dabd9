-- Show tasks whose runner has an expired lease and has sent no heartbeat for longer than is allowed.
-- Allowed is sojourn.runner_dead_after, else what the task's lifecycle says. A runner that never sent a heartbeat is
-- silent from the time the task was given to it.
CREATE OR REPLACE VIEW sojourn.orphan_dead_runner AS
SELECT
    'task' AS entity_kind, t.task_id AS entity_id, t.task_id, t.workflow_id,
    'dead-runner' AS rule, false AS decided,
    greatest(heartbeat.at + threshold.allowed, r.silent_since) AS since,
    ARRAY[standing.position] AS evidence,
    format(
        'a heartbeat of runner:%s by %s', t.owner,
        sojourn.format_utc(greatest(heartbeat.at + threshold.allowed, r.silent_since))
    ) AS expected,
    format(
        'task:%s is %s since %s and belongs to runner:%s, who has sent no heartbeat since %s (allowed: %s)',
        t.task_id, t.status, sojourn.format_utc(t.entered_at), t.owner, sojourn.format_utc(heartbeat.at), threshold.allowed
    ) AS explanation,
    t.status
FROM
    sojourn.active_task AS t
    JOIN sojourn.lifecycle AS l ON l.name = t.lifecycle AND l.version = t.lifecycle_version
    LEFT JOIN sojourn.runner AS r ON r.runner_id = t.owner
    CROSS JOIN LATERAL (
        SELECT coalesce(
            sojourn.orphan_threshold('runner_dead_after')::interval,
            make_interval(secs => (l.definition -> 'recovery' ->> 'runner_dead_after')::float8),
            '10 minutes'
        )
    ) AS threshold (allowed)
    CROSS JOIN LATERAL (SELECT coalesce(r.heard_at, t.entered_at)) AS heartbeat (at)
    CROSS JOIN LATERAL sojourn.entered_since('task', t.task_id, ARRAY[t.status]) AS standing
WHERE
    t.owner IS NOT NULL
    AND (r.runner_id IS NULL OR r.silent_since IS NOT NULL)
    AND heartbeat.at + threshold.allowed < sojourn.as_of_or_now();

COMMENT ON VIEW sojourn.orphan_dead_runner IS
    'Tasks that belong to a runner that has been silent for longer than is allowed.';
