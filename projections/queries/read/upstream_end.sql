-- Return the first cause because of which a task cannot start, else the unfinished task at the root of what it waits for.
-- Of several, the first cause is the earliest, and the root is the one that has been in its status for longest.
-- `limited` is whether a setting or a lifecycle limits how long tasks may stay in a status.
SELECT
    e.end_id, e.status, e.entered_at, t.num_attempts, t.max_attempts, e.owner, e.ends,
    EXISTS (
        SELECT FROM sojourn.dependency AS d
        WHERE
            d.task_id = %(task)s AND d.upstream_id = e.end_id
            AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS direct,
    e.reason, e.since, e.position, e.blocked,
    sojourn.orphan_threshold('stuck_after') <> '{}'
    OR EXISTS (
        SELECT FROM sojourn.lifecycle_status AS s WHERE s.entity_kind = 'task' AND s.stuck_after IS NOT NULL
    ) AS limited
FROM
    (
        SELECT u.*, count(*) OVER () AS ends
        FROM sojourn.upstream_roots(task_id => %(task)s) AS u
        ORDER BY u.since, u.position, u.end_id
        LIMIT 1
    ) AS e
    JOIN sojourn.current_task AS t ON t.task_id = e.end_id;
