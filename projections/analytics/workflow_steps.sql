-- Return the steps in which a workflow went on, and which of them came before which, as arrays in one row.
-- A step takes its own time once all steps before it have ended. Times are microseconds since the first registration. Of N
-- tasks, in the order of their ids, the n-th one has up to four steps, by number:
--   n       its own work, since all that it waited for has ended;
--   N + n   the wait for its registration, since upstream tasks had ended, or since the first registration;
--   2N + n  it is ready, and its parts are registered from then on (this takes no time);
--   3N + n  what its parent did since it was ready, or since it registered another part, until it registered this one.
-- 4N + 1 comes before all of them, and 4N + 2 after all own work. afters[i] comes after befores[i], sorted by both.
CREATE OR REPLACE FUNCTION sojourn.workflow_steps(workflow_id text, with_parts boolean DEFAULT true)
RETURNS TABLE (
    first_at timestamptz, task_ids text[], templates text[], begins bigint[], ends bigint[],
    afters integer[], befores integer[]
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off SET enable_nestloop = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    parents    text[];
    registered bigint[];
    ran        bigint[];
    ended      bigint[];
    n          integer;
BEGIN
    WITH moment AS MATERIALIZED (
        SELECT m.* FROM sojourn.task_moments(workflow_steps.workflow_id) AS m
    ),
    span AS (
        SELECT
            min(m.registered_at) AS first_at,
            coalesce(
                sojourn.as_of(),
                greatest(statement_timestamp(), max(m.registered_at), max(m.ran_at), max(m.ended_at))
            ) AS last_at
        FROM moment AS m
    ),
    elapsed AS (
        SELECT
            m.task_id, m.template, m.parent_id,
            (extract(epoch FROM m.registered_at - s.first_at) * 1000000)::bigint AS registered,
            (extract(epoch FROM coalesce(m.ran_at, m.ended_at, s.last_at) - s.first_at) * 1000000)::bigint AS ran,
            (extract(epoch FROM coalesce(m.ended_at, s.last_at) - s.first_at) * 1000000)::bigint AS ended
        FROM moment AS m CROSS JOIN span AS s
    )
    SELECT
        (SELECT s.first_at FROM span AS s), array_agg(e.task_id ORDER BY e.task_id COLLATE "C"),
        array_agg(e.template ORDER BY e.task_id COLLATE "C"), array_agg(e.parent_id ORDER BY e.task_id COLLATE "C"),
        array_agg(e.registered ORDER BY e.task_id COLLATE "C"), array_agg(e.ran ORDER BY e.task_id COLLATE "C"),
        array_agg(e.ended ORDER BY e.task_id COLLATE "C"), count(*)
    INTO first_at, task_ids, templates, parents, registered, ran, ended, n
    FROM elapsed AS e;
    IF n = 0 THEN
        RETURN;
    END IF;

    WITH task AS MATERIALIZED (
        SELECT t.number::integer AS number, t.task_id, t.parent_id, t.registered, t.ran, t.ended
        FROM
            ROWS FROM (
                unnest(workflow_steps.task_ids), unnest(parents), unnest(registered), unnest(ran), unnest(ended)
            )
            WITH ORDINALITY AS t (task_id, parent_id, registered, ran, ended, number)
    ),
    -- A task waited for the upstream tasks that had ended when it first ran.
    edge AS MATERIALIZED (
        SELECT t.number, u.number AS upstream, u.ended, u.ended <= t.registered AS is_early
        FROM
            task AS t
            CROSS JOIN LATERAL (
                SELECT d.upstream_id
                FROM sojourn.dependency AS d
                WHERE d.task_id = t.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                OFFSET 0
            ) AS d
            JOIN task AS u ON u.task_id = d.upstream_id
        WHERE u.ended <= t.ran
    ),
    ready AS MATERIALIZED (
        SELECT
            t.number, t.parent_id, t.registered, t.ended, max(e.ended) FILTER (WHERE e.is_early) AS early_end,
            greatest(t.registered, max(e.ended)) AS at
        FROM task AS t LEFT JOIN edge AS e ON e.number = t.number
        GROUP BY t.number, t.parent_id, t.registered, t.ended
    ),
    part AS MATERIALIZED (
        SELECT
            r.number, p.number AS parent, r.registered, r.ended, p.at AS parent_at,
            r.ended <= p.ended AS is_awaited,
            r.early_end IS NULL AND r.registered >= p.at AS follows
        FROM ready AS r JOIN task AS t ON t.task_id = r.parent_id JOIN ready AS p ON p.number = t.number
        WHERE workflow_steps.with_parts
    ),
    parent AS (
        SELECT p.parent AS number, max(p.ended) FILTER (WHERE p.is_awaited) AS last_end
        FROM part AS p
        WHERE p.is_awaited OR p.follows
        GROUP BY p.parent
    ),
    registration AS (
        SELECT
            p.number, p.parent, p.registered,
            lag(p.number) OVER in_order AS previous, coalesce(lag(p.registered) OVER in_order, p.parent_at) AS since
        FROM part AS p
        WHERE p.follows
        WINDOW in_order AS (PARTITION BY p.parent ORDER BY p.registered, p.number)
    ),
    entry AS MATERIALIZED (
        SELECT
            r.number, CASE WHEN p.number IS NULL THEN 0 ELSE 2 * n END + r.number AS step, r.at, r.registered, r.ended,
            p.last_end, p.number IS NOT NULL AS is_parent, g.number IS NOT NULL AS follows,
            coalesce(r.early_end, 0) AS waits_since,
            g.number IS NULL AND coalesce(r.early_end, 0) < r.registered AS is_late
        FROM
            ready AS r
            LEFT JOIN parent AS p ON p.number = r.number
            LEFT JOIN registration AS g ON g.number = r.number
    ),
    step (number, begins, ends) AS (
        SELECT e.number, greatest(e.at, e.last_end), e.ended FROM entry AS e
        UNION ALL
        SELECT n + e.number, e.waits_since, e.registered FROM entry AS e WHERE e.is_late
        UNION ALL
        SELECT 2 * n + e.number, e.at, e.at FROM entry AS e WHERE e.is_parent
        UNION ALL
        SELECT 3 * n + r.number, r.since, r.registered FROM registration AS r
        UNION ALL
        SELECT 4 * n + 1, 0, 0
        UNION ALL
        SELECT 4 * n + 2, max(e.ended), max(e.ended) FROM entry AS e
    ),
    arc (after, before) AS (
        SELECT CASE WHEN g.is_early AND e.is_late THEN n + e.number ELSE e.step END, g.upstream
        FROM edge AS g JOIN entry AS e ON e.number = g.number
        UNION ALL
        SELECT e.step, CASE WHEN e.follows THEN 3 * n + e.number WHEN e.is_late THEN n + e.number ELSE 4 * n + 1 END
        FROM entry AS e
        UNION ALL
        SELECT n + e.number, 4 * n + 1 FROM entry AS e WHERE e.is_late AND e.waits_since = 0
        UNION ALL
        SELECT e.number, 2 * n + e.number FROM entry AS e WHERE e.is_parent
        UNION ALL
        SELECT p.parent, p.number FROM part AS p WHERE p.is_awaited
        UNION ALL
        SELECT 3 * n + r.number, coalesce(3 * n + r.previous, 2 * n + r.parent) FROM registration AS r
        UNION ALL
        SELECT 4 * n + 2, e.number FROM entry AS e
    )
    SELECT s.begins, s.ends, a.afters, a.befores
    INTO begins, ends, afters, befores
    FROM
        (
            SELECT array_agg(s.begins ORDER BY k.number) AS begins, array_agg(s.ends ORDER BY k.number) AS ends
            FROM generate_series(1, 4 * n + 2) AS k (number) LEFT JOIN step AS s ON s.number = k.number
        ) AS s
        CROSS JOIN (
            SELECT
                array_agg(a.after ORDER BY a.after, a.before) AS afters,
                array_agg(a.before ORDER BY a.after, a.before) AS befores
            FROM arc AS a
        ) AS a;
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION sojourn.workflow_steps IS
    'The steps in which a workflow went on, and which came before which, as arrays in one row: what '
    'sojourn.critical_path is computed from.';
