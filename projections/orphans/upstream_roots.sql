-- Return where the ways up end, from one task, from a workflow's tasks, or from all: what keeps tasks from starting.
-- A way begins at a task that has not begun, and leads through others that have not. It ends at the first cause because of
-- which they cannot start: at a task that failed and will not be tried again, or that nothing moves on (`reason`). From
-- one task, a way also ends at what is unfinished at its root, without a reason: at the tasks that have begun, else at
-- those that wait for none that is unfinished; and `blocked` is how many tasks wait behind the earliest cause.
-- The tasks of the workflow that wait are read at once, those of others one by one. Each step up reads the links of all
-- tasks that the last one reached first, so that a wide graph takes few reads and a chain no more than its length.
CREATE OR REPLACE FUNCTION sojourn.upstream_roots(workflow_id text DEFAULT NULL, task_id text DEFAULT NULL)
RETURNS TABLE (
    end_id text, workflow_id text, status text, entered_at timestamptz, owner text, reason text, since timestamptz,
    "position" bigint, blocked bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_memoize = off
SET work_mem = '64MB' AS $$
    WITH RECURSIVE class AS MATERIALIZED (
        SELECT c.lifecycle, c.lifecycle_version, c.active, c.ended, c.failed
        FROM sojourn.lifecycle_class AS c
        WHERE c.entity_kind = 'task'
    ),
    asked AS MATERIALIZED (
        SELECT coalesce(
            upstream_roots.workflow_id,
            (SELECT t.workflow_id FROM sojourn.task AS t WHERE t.task_id = upstream_roots.task_id)
        ) AS workflow_id
        WHERE
            sojourn.check_workflow(upstream_roots.workflow_id)
            AND (
                upstream_roots.task_id IS NULL -- else a task that waits for none reads nothing
                OR EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = upstream_roots.task_id)
                AND EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = upstream_roots.task_id)
            )
    ),
    known AS MATERIALIZED (
        SELECT w.task_id, w.parent_id
        FROM sojourn.waiting_task AS w
        WHERE w.workflow_id = (SELECT k.workflow_id FROM asked AS k)
        UNION ALL
        SELECT w.task_id, w.parent_id
        FROM sojourn.waiting_task AS w
        WHERE
            (SELECT k.workflow_id IS NULL FROM asked AS k)
            AND EXISTS (SELECT FROM sojourn.dependency) -- else nothing is read
            AND EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = w.task_id)
    ),
    above (task_id) AS (
        SELECT k.task_id
        FROM known AS k
        WHERE upstream_roots.task_id IS NULL OR k.task_id = upstream_roots.task_id
        UNION
        SELECT d.upstream_id
        FROM
            (
                SELECT array_agg(a.task_id) OVER () AS task_ids, row_number() OVER () AS number
                FROM above AS a
                WHERE
                    (a.task_id IN (SELECT k.task_id FROM known AS k)) IS TRUE -- by a hash
                    OR EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = a.task_id OFFSET 0)
            ) AS reached
            CROSS JOIN LATERAL (
                SELECT l.upstream_id
                FROM sojourn.dependency AS l
                WHERE l.task_id = ANY (reached.task_ids) AND l.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                OFFSET 0 -- by index, whatever the planner makes of the sizes
            ) AS d
        WHERE reached.number = 1
    ),
    reached AS MATERIALIZED (
        SELECT
            t.task_id, t.status, t.entered_at, t.status = ANY (c.active) AS active,
            t.num_attempts > 0 OR t.instances > 0 AS begun
        FROM
            (
                SELECT a.task_id FROM above AS a WHERE (a.task_id IN (SELECT k.task_id FROM known AS k)) IS NOT TRUE
            ) AS a
            CROSS JOIN LATERAL (SELECT n.* FROM sojourn.current_task AS n WHERE n.task_id = a.task_id OFFSET 0) AS t
            JOIN class AS c ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version
        WHERE t.status = ANY (c.active) OR t.status = ANY (c.failed)
    ),
    ended_parent AS MATERIALIZED (
        SELECT p.task_id, p.entered_at
        FROM
            (
                SELECT DISTINCT k.parent_id
                FROM known AS k
                WHERE k.parent_id IS NOT NULL AND (k.task_id IN (SELECT a.task_id FROM above AS a)) IS TRUE
            ) AS d
            CROSS JOIN LATERAL (SELECT n.* FROM sojourn.current_task AS n WHERE n.task_id = d.parent_id OFFSET 0) AS p
            JOIN class AS c ON c.lifecycle = p.lifecycle AND c.lifecycle_version = p.lifecycle_version
        WHERE p.status = ANY (c.ended)
    ),
    stopped_here AS (
        SELECT w.task_id, 'ended-parent' AS reason, p.entered_at AS since
        FROM ended_parent AS p JOIN known AS w ON w.parent_id = p.task_id
        UNION ALL
        SELECT h.task_id, 'hold', h.since
        FROM sojourn.current_wait AS h
        WHERE h.kind = 'hold' AND h.workflow_id = (SELECT a.workflow_id FROM asked AS a)
        UNION ALL
        SELECT h.task_id, 'hold', h.since
        FROM sojourn.current_wait AS h
        WHERE h.kind = 'hold' AND (SELECT a.workflow_id IS NULL FROM asked AS a)
    ),
    stopped AS (
        SELECT r.task_id, 'failed' AS reason, r.entered_at AS since FROM reached AS r WHERE NOT r.active
        UNION ALL
        SELECT s.task_id, s.reason, s.since
        FROM
            (SELECT array_agg(r.task_id) AS task_ids FROM reached AS r WHERE r.active) AS o
            CROSS JOIN LATERAL sojourn.stopped_tasks(o.task_ids) AS s
        WHERE o.task_ids IS NOT NULL
        UNION ALL
        SELECT s.task_id, s.reason, s.since
        FROM stopped_here AS s
        WHERE
            (s.task_id IN (SELECT a.task_id FROM above AS a)) IS TRUE
            AND (s.task_id IN (SELECT k.task_id FROM known AS k)) IS TRUE
    ),
    cause AS MATERIALIZED (
        SELECT DISTINCT ON (s.task_id)
            s.task_id, s.reason, s.since,
            EXISTS (SELECT FROM reached AS r WHERE r.task_id = s.task_id AND (r.begun OR NOT r.active)) AS begun
        FROM stopped AS s
        WHERE s.task_id IS DISTINCT FROM upstream_roots.task_id
        ORDER BY s.task_id, s.since, s.reason
    ),
    waiting AS (
        SELECT a.task_id
        FROM above AS a
        WHERE
            (a.task_id IN (SELECT k.task_id FROM known AS k)) IS TRUE
            OR (a.task_id IN (SELECT r.task_id FROM reached AS r WHERE r.active AND NOT r.begun)) IS TRUE
    ),
    behind (task_id) AS (
        SELECT d.task_id
        FROM cause AS c JOIN sojourn.dependency AS d ON d.upstream_id = c.task_id
        WHERE
            EXISTS (SELECT FROM cause AS n WHERE NOT n.begun) -- else all of them are first
            AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
        UNION
        SELECT e.task_id
        FROM
            behind AS b
            CROSS JOIN LATERAL (
                SELECT d.task_id
                FROM sojourn.dependency AS d
                WHERE
                    d.upstream_id = b.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                    AND (b.task_id IN (SELECT w.task_id FROM waiting AS w)) IS TRUE
                OFFSET 0
            ) AS e
    ),
    begun AS MATERIALIZED (
        SELECT r.task_id FROM reached AS r
        WHERE r.begun AND r.active AND upstream_roots.task_id IS NOT NULL AND NOT EXISTS (SELECT FROM cause)
    ),
    root AS (
        SELECT b.task_id FROM begun AS b
        UNION ALL
        SELECT a.task_id
        FROM waiting AS a
        WHERE
            a.task_id <> upstream_roots.task_id
            AND NOT EXISTS (SELECT FROM cause) AND NOT EXISTS (SELECT FROM begun)
            AND NOT EXISTS (
                SELECT FROM sojourn.dependency AS d
                WHERE
                    d.task_id = a.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                    AND (d.upstream_id IN (SELECT n.task_id FROM waiting AS n)) IS TRUE
                OFFSET 0
            )
    ),
    ending AS (
        SELECT c.task_id, c.reason, c.since
        FROM cause AS c
        WHERE c.begun OR (c.task_id IN (SELECT b.task_id FROM behind AS b)) IS NOT TRUE
        UNION ALL
        SELECT r.task_id, NULL, NULL FROM root AS r
    )
    SELECT
        f.task_id, f.workflow_id, f.status, f.entered_at, f.owner, f.reason, f.since, f.position,
        CASE
            WHEN upstream_roots.task_id IS NOT NULL AND f.reason IS NOT NULL AND f.nth = 1
                THEN (
                    SELECT count(*)
                    FROM asked AS k CROSS JOIN LATERAL sojourn.tasks_behind(f.task_id, k.workflow_id) AS b
                    WHERE b.task_id <> f.task_id
                )
        END
    FROM
        (
            SELECT
                t.task_id, t.workflow_id, t.status, t.entered_at, t.owner, e.reason,
                coalesce(e.since, t.entered_at) AS since, p.position,
                row_number() OVER (ORDER BY coalesce(e.since, t.entered_at), p.position, t.task_id) AS nth
            FROM
                ending AS e
                CROSS JOIN LATERAL (
                    SELECT n.* FROM sojourn.current_task AS n WHERE n.task_id = e.task_id OFFSET 0
                ) AS t
                LEFT JOIN LATERAL sojourn.entered_since('task', t.task_id, ARRAY[t.status]) AS p ON e.reason IS NOT NULL
        ) AS f
    ORDER BY f.nth
$$;

COMMENT ON FUNCTION sojourn.upstream_roots IS
    'Where the ways up from one task, a workflow''s tasks, or all end, now or as of sojourn.as_of: at the first causes '
    'because of which they cannot start (reason, since), else, from one task, at what is unfinished at the root. blocked: '
    'how many tasks wait behind the first cause of one task.';
