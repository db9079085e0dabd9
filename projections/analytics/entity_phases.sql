-- Return what tasks and their instances did in each of their intervals: wait, and for what, run, or run in vain.
-- An interval is split where the entity states that it waits for something else. An attempt has failed that ended in a
-- failure, but not where it was cancelled before it ran; without instances it is what num_attempts counts, and has failed
-- too where the task then waits for another try.
-- Each lateral query looks up one entity, and no other join is a nested loop, however few statistics the tables have.
CREATE OR REPLACE FUNCTION sojourn.entity_phases(task_ids text[])
RETURNS TABLE (
    task_id text, entity_kind text, entity_id text, ordinal integer, version integer, since timestamptz,
    until timestamptz, kind text, detail text, is_stated boolean, has_ended boolean
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off SET enable_nestloop = off AS $$
DECLARE
    latest CONSTANT timestamptz := coalesce(sojourn.as_of(), 'infinity');
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT l.* FROM sojourn.lifecycle_status AS l
    ),
    task AS MATERIALIZED (
        SELECT t.task_id, t.lifecycle, t.lifecycle_version
        FROM
            unnest(entity_phases.task_ids) AS wanted (task_id)
            CROSS JOIN LATERAL (
                SELECT t.* FROM sojourn.task AS t WHERE t.task_id = wanted.task_id OFFSET 0
            ) AS t
    ),
    entity AS MATERIALIZED (
        SELECT t.*, 'task' AS kind, t.task_id AS id, 0 AS ordinal
        FROM task AS t
        UNION ALL
        SELECT t.*, 'task_instance', i.task_instance_id, i.ordinal
        FROM
            task AS t
            CROSS JOIN LATERAL (
                SELECT i.* FROM sojourn.task_instance AS i WHERE i.task_id = t.task_id OFFSET 0
            ) AS i
    ),
    -- Looked up before statuses are joined, so that each entity is looked up once.
    moved AS MATERIALIZED (
        SELECT e.*, s.version, s.status, s.entered_at AS at, s.num_attempts, s.wait, s.detail
        FROM
            entity AS e
            CROSS JOIN LATERAL (
                SELECT s.version, s.status, s.entered_at, s.num_attempts, w.kind AS wait, w.detail
                FROM
                    sojourn.transition AS s
                    LEFT JOIN LATERAL (
                        SELECT w.kind, w.detail
                        FROM sojourn.wait AS w
                        WHERE w.entity_kind = e.kind AND w.entity_id = e.id AND w.version = s.version
                        OFFSET 0
                    ) AS w ON true
                WHERE s.entity_kind = e.kind AND s.entity_id = e.id AND s.entered_at <= latest
                OFFSET 0
            ) AS s
    ),
    entered AS (
        SELECT
            m.task_id, m.kind, m.id, m.ordinal, m.version, m.at, m.wait, m.detail, m.num_attempts,
            k.terminal, k.failure, k.waiting, k.running, k.cancelled
        FROM
            moved AS m
            JOIN known AS k
                ON k.lifecycle = m.lifecycle AND k.lifecycle_version = m.lifecycle_version AND k.entity_kind = m.kind
                AND k.status = m.status
    ),
    numbered AS (
        SELECT
            s.*,
            (s.terminal OR s.failure OR s.waiting OR s.is_reset) AND NOT s.begins AS ends,
            s.failure OR (s.waiting AND NOT s.is_reset) AS in_vain,
            lead(s.failure) OVER in_order AS fails_next,
            -- All that an instance does is one attempt.
            CASE s.kind WHEN 'task' THEN count(*) FILTER (WHERE s.begins) OVER in_order ELSE 1 END AS attempt
        FROM (
            SELECT
                e.*,
                e.num_attempts > lag(e.num_attempts, 1, 0) OVER in_order AS begins,
                e.num_attempts < lag(e.num_attempts, 1, 0) OVER in_order AS is_reset
            FROM entered AS e
            WINDOW in_order AS (PARTITION BY e.kind, e.id ORDER BY e.version)
        ) AS s
        WINDOW in_order AS (PARTITION BY s.kind, s.id ORDER BY s.version)
    ),
    judged AS (
        SELECT
            n.*,
            CASE
                WHEN n.kind = 'task_instance'
                    THEN last_value(n.terminal AND n.failure) OVER whole
                    AND (bool_or(n.running) OVER whole OR NOT last_value(n.cancelled) OVER whole)
                WHEN n.attempt = 0 THEN coalesce(n.fails_next, false)
                ELSE coalesce((array_agg(n.in_vain) FILTER (WHERE n.ends) OVER whole)[1], false)
            END AS fails,
            CASE n.kind
                WHEN 'task' THEN n.attempt > 0 AND bool_or(n.ends) OVER so_far
                ELSE n.terminal
            END AS has_ended
        FROM numbered AS n
        WINDOW
            so_far AS (PARTITION BY n.kind, n.id, n.attempt ORDER BY n.version),
            whole AS (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    -- What an entity states that it waits for without leaving its status.
    stated AS (
        SELECT e.task_id, e.kind, e.id, e.ordinal, w.version, w.since AS at, w.kind AS wait, w.detail
        FROM
            entity AS e
            CROSS JOIN LATERAL (
                SELECT w.version, w.since, w.kind, w.detail
                FROM sojourn.wait AS w
                WHERE w.entity_kind = e.kind AND w.entity_id = e.id AND w.since <= latest
                OFFSET 0
            ) AS w
            LEFT JOIN entered AS s ON s.kind = e.kind AND s.id = e.id AND s.version = w.version
        WHERE s.version IS NULL
    )
    SELECT
        p.task_id, p.kind, p.id, p.ordinal, p.version, p.at,
        coalesce(lead(p.at) OVER in_order, 'infinity'),
        CASE
            WHEN p.wait = 'retry-delay' THEN 'waiting-retry'
            WHEN p.wait IS NOT NULL THEN 'waiting-' || p.wait
            WHEN p.running AND NOT p.fails THEN 'running'
            WHEN p.running OR (p.failure AND p.kind = 'task_instance' AND NOT p.has_ended) THEN 'failed-attempt'
            WHEN p.failure OR (p.has_ended AND p.fails) THEN 'waiting-retry'
            ELSE 'waiting'
        END,
        p.detail, p.wait IS NOT NULL, p.has_ended
    FROM (
        SELECT
            j.task_id, j.kind, j.id, j.ordinal, j.version, j.at, j.wait, j.detail, j.running, j.failure, j.fails,
            j.has_ended
        FROM judged AS j
        UNION ALL
        SELECT t.task_id, t.kind, t.id, t.ordinal, t.version, t.at, t.wait, t.detail, NULL, NULL, NULL, false
        FROM stated AS t
    ) AS p
    WINDOW in_order AS (PARTITION BY p.kind, p.id ORDER BY p.version);
END
$$;

COMMENT ON FUNCTION sojourn.entity_phases IS
    'What tasks and their instances did in each of their intervals, now or as of sojourn.as_of: kind is running, '
    'failed-attempt, waiting, or waiting- with what for. is_stated: the entity states what it waits for; has_ended: its '
    'attempt had ended by then.';
