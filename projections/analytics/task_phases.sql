-- Split spans of the time of tasks by what the tasks and their attempts did in them, without a gap.
-- Where several do something at a time, the first of these counts: an attempt that runs and does not fail; one that fails;
-- one that states what it waits for; a task that does; a task whose upstream tasks have not ended; an attempt that waits; a
-- task that runs without one; a task between attempts. Of attempts the newest counts.
-- A task `registers` a part at the end of a span: its newest attempt by then did not run in vain if it failed only later.
CREATE OR REPLACE FUNCTION sojourn.task_phases(
    task_ids text[], since timestamptz[], until timestamptz[], registers boolean[]
)
RETURNS TABLE (
    span integer, entity_kind text, entity_id text, kind text, detail text, began_at timestamptz, ended_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
    latest CONSTANT timestamptz := coalesce(sojourn.as_of(), 'infinity');
BEGIN
    RETURN QUERY
    WITH span AS MATERIALIZED (
        SELECT s.number::integer AS number, s.task_id, s.since, s.until, s.registers
        FROM
            ROWS FROM (
                unnest(task_phases.task_ids), unnest(task_phases.since), unnest(task_phases.until),
                unnest(task_phases.registers)
            ) WITH ORDINALITY AS s (task_id, since, until, registers, number)
        WHERE s.since < s.until
    ),
    phase AS MATERIALIZED (
        SELECT p.*
        FROM sojourn.entity_phases(ARRAY(SELECT DISTINCT s.task_id FROM span AS s), latest) AS p
    ),
    known AS MATERIALIZED (
        SELECT l.* FROM sojourn.lifecycle_status AS l WHERE l.entity_kind = 'task'
    ),
    dependency AS MATERIALIZED (
        SELECT t.task_id, d.upstream_id
        FROM
            (SELECT DISTINCT s.task_id FROM span AS s) AS t
            CROSS JOIN LATERAL (
                SELECT d.upstream_id
                FROM sojourn.dependency AS d
                WHERE d.task_id = t.task_id AND d.since <= latest
                OFFSET 0
            ) AS d
    ),
    upstream AS MATERIALIZED (
        SELECT d.upstream_id, c.lifecycle, c.lifecycle_version, c.status, c.entered_at
        FROM
            (SELECT DISTINCT d.upstream_id FROM dependency AS d) AS d
            CROSS JOIN LATERAL (
                SELECT c.lifecycle, c.lifecycle_version, c.status, c.entered_at
                FROM sojourn.current_task AS c
                WHERE c.task_id = d.upstream_id
                OFFSET 0
            ) AS c
    ),
    -- Until when each task waits for upstream tasks: for ever where one ended so that the task never ran.
    awaited AS (
        SELECT
            t.task_id,
            least(
                t.ran_at,
                max(
                    CASE
                        WHEN NOT k.terminal OR (t.ran_at IS NULL AND (k.failure OR k.cancelled)) THEN 'infinity'
                        ELSE u.entered_at
                    END
                )
            ) AS until
        FROM
            (
                SELECT p.task_id, min(p.since) FILTER (WHERE p.kind IN ('running', 'failed-attempt')) AS ran_at
                FROM phase AS p
                GROUP BY p.task_id
            ) AS t
            JOIN dependency AS d ON d.task_id = t.task_id
            JOIN upstream AS u ON u.upstream_id = d.upstream_id
            JOIN known AS k
                ON k.lifecycle = u.lifecycle AND k.lifecycle_version = u.lifecycle_version AND k.status = u.status
        GROUP BY t.task_id, t.ran_at
    ),
    claim AS (
        SELECT
            p.task_id, p.entity_kind, p.entity_id, p.ordinal, p.version, p.since, p.until, p.kind, p.detail, p.failed_at,
            CASE
                WHEN p.entity_kind = 'task' AND p.is_stated THEN 4
                WHEN p.entity_kind = 'task' AND p.kind IN ('running', 'failed-attempt') THEN 7
                WHEN p.entity_kind = 'task' AND p.kind = 'waiting-retry' THEN 8
                WHEN p.entity_kind = 'task' THEN 9
                WHEN p.is_stated THEN 3
                WHEN p.kind = 'running' THEN 1
                WHEN p.kind = 'failed-attempt' THEN 2
                ELSE 6
            END AS rank
        FROM phase AS p
        WHERE p.entity_kind = 'task' OR NOT p.has_ended
        UNION ALL
        SELECT p.task_id, 'task', p.task_id, p.ordinal, p.version, p.since, 'infinity', p.kind, NULL, NULL, 8
        FROM phase AS p
        WHERE p.entity_kind = 'task_instance' AND p.has_ended
        UNION ALL
        SELECT a.task_id, 'task', a.task_id, 0, 0, '-infinity', a.until, 'waiting-dependency', NULL, NULL, 5
        FROM awaited AS a
    ),
    claimed AS (
        SELECT
            s.number, c.entity_kind, c.entity_id, c.ordinal, c.version, c.kind, c.detail, c.rank,
            greatest(c.since, s.since) AS since, least(c.until, s.until) AS until,
            s.registers AND c.kind = 'failed-attempt' AND c.failed_at > s.until
            AND (c.entity_kind = 'task' OR c.ordinal = max(c.ordinal) OVER (PARTITION BY s.number)) AS is_fruitful
        FROM span AS s JOIN claim AS c ON c.task_id = s.task_id
        WHERE c.since < s.until AND c.until > s.since AND c.since < c.until
    ),
    within AS MATERIALIZED (
        SELECT
            c.number, c.entity_kind, c.entity_id, CASE WHEN c.is_fruitful THEN 'running' ELSE c.kind END AS kind,
            c.detail, c.since, c.until,
            row_number() OVER (
                PARTITION BY c.number
                ORDER BY CASE WHEN c.is_fruitful AND c.rank = 2 THEN 1 ELSE c.rank END, c.ordinal DESC, c.version DESC
            ) AS preference
        FROM claimed AS c
    ),
    cut AS (
        SELECT t.number, t.at AS since, lead(t.at) OVER (PARTITION BY t.number ORDER BY t.at) AS until
        FROM (
            SELECT w.number, w.since AS at FROM within AS w
            UNION
            SELECT w.number, w.until FROM within AS w
        ) AS t
    ),
    preferred AS (
        SELECT c.number, c.since, c.until, min(w.preference) AS preference
        FROM cut AS c JOIN within AS w ON w.number = c.number AND w.since <= c.since AND w.until > c.since
        GROUP BY c.number, c.since, c.until
    ),
    chosen AS (
        SELECT p.number, p.since, p.until, w.entity_kind, w.entity_id, w.kind, w.detail
        FROM preferred AS p JOIN within AS w ON w.number = p.number AND w.preference = p.preference
    )
    -- What goes on is one phase.
    SELECT
        g.number, g.entity_kind, g.entity_id, g.kind, g.detail, min(g.since), max(g.until)
    FROM (
        SELECT m.*, count(*) FILTER (WHERE m.begins) OVER (PARTITION BY m.number ORDER BY m.since) AS phase
        FROM (
            SELECT
                c.*,
                (c.entity_kind, c.entity_id, c.kind, c.detail) IS DISTINCT FROM
                    lag((c.entity_kind, c.entity_id, c.kind, c.detail))
                        OVER (PARTITION BY c.number ORDER BY c.since) AS begins
            FROM chosen AS c
        ) AS m
    ) AS g
    GROUP BY g.number, g.phase, g.entity_kind, g.entity_id, g.kind, g.detail
    ORDER BY g.number, g.phase;
END
$$;

COMMENT ON FUNCTION sojourn.task_phases (text [], timestamptz [], timestamptz [], boolean []) IS
    'Spans of the time of tasks, split by what the tasks and their attempts did in them, without a gap: the n-th since and '
    'until are of the n-th task, and span is n. kind is that of sojourn.entity_phases, but running where the attempt that '
    'registered a part at the end of the span failed only later.';
