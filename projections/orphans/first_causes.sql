-- Return the tasks because of which others cannot start: of one task, of a workflow's tasks, or of all.
-- A task cannot start because of one that it waits for, at any distance through tasks that have not begun either: that
-- one failed and will not be tried again, or nothing moves it on (`reason`). Where such a task has not begun itself, only
-- the first one counts. The tasks of the workflow that have not begun are read at once, those of others one by one.
CREATE OR REPLACE FUNCTION sojourn.first_causes(workflow_id text DEFAULT NULL, task_id text DEFAULT NULL)
RETURNS TABLE (
    cause_id text, workflow_id text, status text, entered_at timestamptz, owner text, reason text, since timestamptz,
    "position" bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_memoize = off AS $$
    WITH RECURSIVE class AS MATERIALIZED (
        SELECT c.lifecycle, c.lifecycle_version, c.active, c.ended, c.failed
        FROM sojourn.lifecycle_class AS c
        WHERE c.entity_kind = 'task'
    ),
    asked AS MATERIALIZED (
        SELECT coalesce(
            first_causes.workflow_id,
            (SELECT t.workflow_id FROM sojourn.task AS t WHERE t.task_id = first_causes.task_id)
        ) AS workflow_id
        WHERE sojourn.check_workflow(first_causes.workflow_id)
    ),
    waiting AS MATERIALIZED (
        SELECT w.task_id, w.parent_id
        FROM sojourn.waiting_task AS w
        WHERE w.workflow_id = (SELECT a.workflow_id FROM asked AS a)
        UNION ALL
        SELECT w.task_id, w.parent_id
        FROM sojourn.waiting_task AS w
        WHERE
            (SELECT a.workflow_id FROM asked AS a) IS NULL
            AND EXISTS (SELECT FROM sojourn.dependency) -- else nothing is read
            AND EXISTS (SELECT FROM sojourn.dependency AS d WHERE d.task_id = w.task_id)
    ),
    above (task_id) AS (
        SELECT w.task_id FROM waiting AS w
        WHERE first_causes.task_id IS NULL OR w.task_id = first_causes.task_id
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
                WHERE f.task_id = a.task_id AND f.workflow_id <> (SELECT k.workflow_id FROM asked AS k)
            )
            AND EXISTS (SELECT FROM sojourn.waiting_task AS w WHERE w.task_id = a.task_id)
    ),
    other AS MATERIALIZED (
        SELECT a.task_id
        FROM above AS a
        WHERE (a.task_id IN (SELECT w.task_id FROM waiting AS w)) IS NOT TRUE
    ),
    reached AS MATERIALIZED (
        SELECT
            t.task_id, t.workflow_id, t.status, t.entered_at, t.owner,
            coalesce(t.status = ANY (c.failed), false) AS failed, t.num_attempts > 0 OR t.instances > 0 AS begun
        FROM
            other AS k
            JOIN sojourn.current_task AS t ON t.task_id = k.task_id
            JOIN class AS c ON c.lifecycle = t.lifecycle AND c.lifecycle_version = t.lifecycle_version
        WHERE t.status = ANY (c.active) OR t.status = ANY (c.failed)
    ),
    ended_parent AS MATERIALIZED (
        SELECT p.task_id, p.entered_at
        FROM
            (
                SELECT w.parent_id FROM waiting AS w WHERE w.parent_id IS NOT NULL
                UNION
                SELECT t.parent_id FROM reached AS r JOIN sojourn.task AS t ON t.task_id = r.task_id
                WHERE t.parent_id IS NOT NULL AND NOT r.failed
            ) AS d
            JOIN sojourn.current_task AS p ON p.task_id = d.parent_id
            JOIN class AS c ON c.lifecycle = p.lifecycle AND c.lifecycle_version = p.lifecycle_version
        WHERE p.status = ANY (c.ended)
    ),
    open_ids AS MATERIALIZED (
        SELECT ARRAY(SELECT r.task_id FROM reached AS r WHERE NOT r.failed)::text [] AS task_ids
    ),
    stopped AS (
        SELECT r.task_id, 'failed' AS reason, r.entered_at AS since FROM reached AS r WHERE r.failed
        UNION ALL
        SELECT h.task_id, 'hold', h.since
        FROM sojourn.current_wait AS h
        WHERE
            h.kind = 'hold'
            AND (
                (h.task_id IN (SELECT w.task_id FROM waiting AS w)) IS TRUE
                OR h.task_id = ANY ((SELECT o.task_ids FROM open_ids AS o)::text [])
            )
        UNION ALL
        SELECT t.task_id, 'ended-parent', p.entered_at
        FROM ended_parent AS p JOIN sojourn.task AS t ON t.parent_id = p.task_id
        WHERE
            (t.task_id IN (SELECT w.task_id FROM waiting AS w)) IS TRUE
            OR t.task_id = ANY ((SELECT o.task_ids FROM open_ids AS o)::text [])
        UNION ALL
        SELECT o.task_id, o.rule, o.since
        FROM sojourn.orphan_stalled_task AS o
        WHERE o.task_id = ANY ((SELECT o.task_ids FROM open_ids AS o)::text [])
        UNION ALL
        SELECT o.task_id, o.rule, o.since
        FROM sojourn.orphan_missed_heartbeat AS o
        WHERE o.task_id = ANY ((SELECT o.task_ids FROM open_ids AS o)::text [])
        UNION ALL
        SELECT o.task_id, o.rule, o.since
        FROM sojourn.orphan_dead_runner AS o
        WHERE o.task_id = ANY ((SELECT o.task_ids FROM open_ids AS o)::text [])
    ),
    cause AS MATERIALIZED (
        SELECT DISTINCT ON (s.task_id)
            s.task_id, s.reason, s.since,
            EXISTS (SELECT FROM reached AS r WHERE r.task_id = s.task_id AND (r.failed OR r.begun)) AS begun
        FROM stopped AS s JOIN above AS a ON a.task_id = s.task_id
        WHERE s.task_id IS DISTINCT FROM first_causes.task_id
        ORDER BY s.task_id, s.since, s.reason
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
    )
    SELECT t.task_id, t.workflow_id, t.status, t.entered_at, t.owner, c.reason, c.since, s.position
    FROM
        cause AS c
        JOIN sojourn.current_task AS t ON t.task_id = c.task_id
        CROSS JOIN LATERAL sojourn.entered_since('task', c.task_id, ARRAY[t.status]) AS s
    WHERE c.begun OR (c.task_id IN (SELECT b.task_id FROM behind AS b)) IS NOT TRUE
$$;

COMMENT ON FUNCTION sojourn.first_causes IS
    'The tasks because of which others cannot start: of one task, of a workflow''s tasks, or of all. reason: failed, '
    'hold, or the orphan rule by which nothing moves it on; since: from when on it has kept others from starting.';
