-- Return the unfinished upstream task at the root of what a task waits for before it begins, and how many roots there are.
-- A root has begun, or waits for no other that is unfinished; one that has begun, and the one in its status longest, is first.
WITH RECURSIVE own AS MATERIALIZED (
    SELECT t.task_id, t.workflow_id
    FROM sojourn.task AS t
    WHERE
        t.task_id = %(task)s AND EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = %(task)s)
        AND EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = %(task)s)
),
waiting AS MATERIALIZED (
    SELECT w.task_id FROM sojourn.waiting_task AS w WHERE w.workflow_id = (SELECT o.workflow_id FROM own AS o)
),
above (task_id) AS (
    SELECT o.task_id FROM own AS o
    UNION
    SELECT e.upstream_id
    FROM
        above AS a
        CROSS JOIN LATERAL (
            SELECT d.upstream_id
            FROM sojourn.dependency AS d
            WHERE d.task_id = a.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
            OFFSET 0 -- by index, whatever the planner makes of the sizes
        ) AS e
    WHERE
        (a.task_id IN (SELECT w.task_id FROM waiting AS w)) IS TRUE -- by a hash
        OR EXISTS (
            SELECT FROM sojourn.task AS f
            WHERE f.task_id = a.task_id AND f.workflow_id <> (SELECT o.workflow_id FROM own AS o)
        )
        AND EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = a.task_id)
),
class AS MATERIALIZED (
    SELECT c.lifecycle, c.lifecycle_version, c.active
    FROM sojourn.lifecycle_class AS c
    WHERE c.entity_kind = 'task'
),
unfinished AS MATERIALIZED (
    SELECT
        t.task_id, t.status, t.entered_at, t.num_attempts, t.max_attempts, t.owner,
        t.num_attempts > 0 OR t.instances > 0 AS begun
    FROM
        above AS a
        JOIN sojourn.current_task AS t ON t.task_id = a.task_id
        JOIN class AS c ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version
    WHERE t.task_id <> %(task)s AND t.status = ANY (c.active)
)
SELECT
    u.task_id, u.status, u.entered_at, u.num_attempts, u.max_attempts, u.owner, count(*) OVER () AS roots,
    EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = %(task)s AND d.upstream_id = u.task_id) AS direct
FROM unfinished AS u
WHERE
    u.begun
    OR NOT EXISTS (SELECT FROM unfinished AS b WHERE b.begun)
    AND NOT EXISTS (
        SELECT FROM sojourn.dependency AS d
        WHERE d.task_id = u.task_id AND (d.upstream_id IN (SELECT o.task_id FROM unfinished AS o)) IS TRUE
    )
ORDER BY u.entered_at, u.task_id
LIMIT 1;
