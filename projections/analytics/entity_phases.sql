-- Return what tasks and their instances did up to a time, and when: wait, and for what, run, or run in vain.
-- An interval is split where the entity states that it waits for something else. An attempt has failed that ended in a
-- failure, but not where it was cancelled before it ran; without instances it is what num_attempts counts, and has failed
-- too where the task then waits for another try. Statuses in which it does the same without a break are one interval.
-- Each lateral query looks up one entity, and no other join is a nested loop, however few statistics the tables have.
CREATE OR REPLACE FUNCTION sojourn.entity_phases(task_ids text[], latest timestamptz)
RETURNS TABLE (
    task_id text, entity_kind text, entity_id text, ordinal integer, version integer, since timestamptz,
    until timestamptz, kind text, detail text, is_stated boolean, has_ended boolean, failed_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_nestloop = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT
            l.*,
            -- The statuses after which this one changes nothing. An instance waits in all in which it does not run.
            CASE
                WHEN NOT (l.terminal OR l.failure OR (l.waiting AND l.entity_kind = 'task'))
                    THEN array_agg(l.status) FILTER (
                        WHERE NOT (l.terminal OR l.failure OR (l.waiting AND l.entity_kind = 'task'))
                    ) OVER (PARTITION BY l.lifecycle, l.lifecycle_version, l.entity_kind, l.running, l.cancelled)
                ELSE '{}'
            END AS alike
        FROM sojourn.lifecycle_status AS l
    ),
    task AS MATERIALIZED (
        SELECT t.task_id, t.lifecycle, t.lifecycle_version
        FROM
            unnest(entity_phases.task_ids) AS wanted (task_id)
            CROSS JOIN LATERAL (
                SELECT t.* FROM sojourn.task AS t WHERE t.task_id = wanted.task_id OFFSET 0
            ) AS t
    ),
    -- Rows are sorted by these numbers, because comparing ids takes longer.
    entity AS MATERIALIZED (
        SELECT row_number() OVER () AS number, e.*
        FROM (
            SELECT t.*, 'task' AS kind, t.task_id AS id, 0 AS ordinal
            FROM task AS t
            UNION ALL
            SELECT t.*, 'task_instance', i.task_instance_id, i.ordinal
            FROM
                task AS t
                CROSS JOIN LATERAL (
                    SELECT i.* FROM sojourn.task_instance AS i WHERE i.task_id = t.task_id OFFSET 0
                ) AS i
        ) AS e
    ),
    -- Looked up before statuses are joined, so that each entity is looked up once.
    moved AS MATERIALIZED (
        SELECT
            e.number, e.kind, e.lifecycle, e.lifecycle_version, s.version, s.previous_status, s.status, s.at,
            s.num_attempts
        FROM
            entity AS e
            CROSS JOIN LATERAL (
                SELECT s.version, s.previous_status, s.status, s.entered_at AS at, s.num_attempts
                FROM sojourn.transition AS s
                WHERE s.entity_kind = e.kind AND s.entity_id = e.id AND s.entered_at <= entity_phases.latest
                OFFSET 0
            ) AS s
    ),
    waited AS MATERIALIZED (
        SELECT e.number, w.version, w.at, w.wait, w.detail
        FROM
            entity AS e
            CROSS JOIN LATERAL (
                SELECT w.version, w.since AS at, w.kind AS wait, w.detail
                FROM sojourn.wait AS w
                WHERE w.entity_kind = e.kind AND w.entity_id = e.id AND w.since <= entity_phases.latest
                OFFSET 0
            ) AS w
    ),
    -- What an entity states that it waits for without leaving its status.
    added AS MATERIALIZED (
        SELECT w.*
        FROM waited AS w LEFT JOIN moved AS m ON m.number = w.number AND m.version = w.version
        WHERE m.version IS NULL
    ),
    entered AS (
        SELECT
            m.number, m.kind, m.version, m.at, m.num_attempts,
            k.terminal, k.failure, k.waiting, k.running, k.cancelled,
            m.previous_status = ANY (k.alike) AND m.number NOT IN (SELECT w.number FROM waited AS w) AS is_alike
        FROM
            moved AS m
            JOIN known AS k
                ON k.lifecycle = m.lifecycle AND k.lifecycle_version = m.lifecycle_version AND k.entity_kind = m.kind
                AND k.status = m.status
    ),
    -- All that an instance does is one attempt.
    judged_instance AS (
        SELECT
            e.number, e.version, e.at, lead(e.at) OVER in_order AS until, e.running, e.failure,
            last_value(e.terminal AND e.failure) OVER whole
            AND (bool_or(e.running) OVER whole OR NOT last_value(e.cancelled) OVER whole) AS fails,
            e.terminal AS has_ended, last_value(e.at) OVER whole AS ended_at
        FROM entered AS e
        WHERE e.kind = 'task_instance' AND e.is_alike IS NOT TRUE
        WINDOW
            in_order AS (PARTITION BY e.number ORDER BY e.version),
            whole AS (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    ),
    numbered AS (
        SELECT
            s.*, lead(s.at) OVER in_order AS until,
            (s.terminal OR s.failure OR s.waiting OR s.is_reset) AND NOT s.begins AS ends,
            s.failure OR (s.waiting AND NOT s.is_reset) AS in_vain,
            count(*) FILTER (WHERE s.begins) OVER (in_order ROWS UNBOUNDED PRECEDING) AS attempt
        FROM (
            SELECT
                e.*,
                e.num_attempts > lag(e.num_attempts, 1, 0) OVER in_order AS begins,
                e.num_attempts < lag(e.num_attempts, 1, 0) OVER in_order AS is_reset,
                lead(e.failure) OVER in_order AS fails_next
            FROM entered AS e
            WHERE e.kind = 'task'
            WINDOW in_order AS (PARTITION BY e.number ORDER BY e.version)
        ) AS s
        WHERE s.is_alike IS NOT TRUE OR s.begins OR s.is_reset OR s.fails_next
        WINDOW in_order AS (PARTITION BY s.number ORDER BY s.version)
    ),
    judged AS MATERIALIZED (
        SELECT i.* FROM judged_instance AS i
        UNION ALL
        SELECT
            n.number, n.version, n.at, n.until, n.running, n.failure,
            CASE n.attempt
                WHEN 0 THEN coalesce(n.fails_next, false)
                ELSE coalesce((array_agg(n.in_vain) FILTER (WHERE n.ends) OVER whole)[1], false)
            END,
            n.attempt > 0 AND bool_or(n.ends) OVER (so_far ROWS UNBOUNDED PRECEDING),
            CASE n.attempt WHEN 0 THEN n.until ELSE min(n.at) FILTER (WHERE n.ends) OVER whole END
        FROM numbered AS n
        WINDOW
            so_far AS (PARTITION BY n.number, n.attempt ORDER BY n.version),
            whole AS (so_far ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
    SELECT
        e.task_id, e.kind, e.id, e.ordinal, p.version, p.at, coalesce(p.until, 'infinity'),
        CASE
            WHEN p.wait = 'retry-delay' THEN 'waiting-retry'
            WHEN p.wait IS NOT NULL THEN 'waiting-' || p.wait
            WHEN p.running AND NOT p.fails THEN 'running'
            WHEN p.running OR (p.failure AND e.kind = 'task_instance' AND NOT p.has_ended) THEN 'failed-attempt'
            WHEN p.failure OR (p.has_ended AND p.fails) THEN 'waiting-retry'
            ELSE 'waiting'
        END,
        p.detail, p.wait IS NOT NULL, p.has_ended, CASE WHEN p.fails THEN p.ended_at END
    FROM
        (
            SELECT
                j.number, j.version, j.at, j.until, w.wait, w.detail, j.running, j.failure, j.fails, j.has_ended, j.ended_at
            FROM judged AS j LEFT JOIN waited AS w ON w.number = j.number AND w.version = j.version
            WHERE j.number NOT IN (SELECT a.number FROM added AS a)
            UNION ALL
            -- What is stated later may have begun earlier, and so may the next status.
            SELECT
                u.number, u.version, u.at,
                min(u.at) OVER (
                    PARTITION BY u.number ORDER BY u.version DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ),
                u.wait, u.detail, u.running, u.failure, u.fails, u.has_ended, u.ended_at
            FROM (
                SELECT
                    j.number, j.version, j.at, w.wait, w.detail, j.running, j.failure, j.fails, j.has_ended, j.ended_at
                FROM judged AS j LEFT JOIN waited AS w ON w.number = j.number AND w.version = j.version
                WHERE j.number IN (SELECT a.number FROM added AS a)
                UNION ALL
                SELECT a.number, a.version, a.at, a.wait, a.detail, NULL, NULL, NULL, false, NULL
                FROM added AS a
            ) AS u
        ) AS p
        JOIN entity AS e ON e.number = p.number;
END
$$;

COMMENT ON FUNCTION sojourn.entity_phases (text [], timestamptz) IS
    'What tasks and their instances did in each of their intervals, up to a time: kind is running, failed-attempt, '
    'waiting, or waiting- with what for. is_stated: the entity states what it waits for; has_ended: its attempt had ended '
    'by then; failed_at: when its attempt failed, or NULL.';
