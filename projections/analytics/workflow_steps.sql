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
    later      integer[];   -- the tasks that waited, and what they waited for
    earlier    integer[];
    ready      bigint[];    -- when all that a task waited for had ended, and the last end before it was registered
    early      bigint[];
    entries    integer[];   -- the first step of each task after its registration
    part       record;
    follows    boolean;
    is_awaited boolean;
    after      integer;
    before     integer;
    pairs      bigint[] := '{}'; -- a later step, and in the lower half of the number one before it
    half       CONSTANT bigint := 4294967296;
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
            (date_part('epoch', m.registered_at - s.first_at) * 1000000)::bigint AS registered,
            (date_part('epoch', coalesce(m.ran_at, m.ended_at, s.last_at) - s.first_at) * 1000000)::bigint AS ran,
            (date_part('epoch', coalesce(m.ended_at, s.last_at) - s.first_at) * 1000000)::bigint AS ended
        FROM moment AS m CROSS JOIN span AS s
        ORDER BY m.task_id COLLATE "C"
    )
    SELECT
        (SELECT s.first_at FROM span AS s), array_agg(e.task_id), array_agg(e.template), array_agg(e.parent_id),
        array_agg(e.registered), array_agg(e.ran), array_agg(e.ended), count(*)
    INTO first_at, task_ids, templates, parents, registered, ran, ended, n
    FROM elapsed AS e;
    IF n = 0 THEN
        RETURN;
    END IF;

    -- A task waited for the upstream tasks that had ended when it first ran.
    -- Dependencies are looked up before they are joined, so that no join is done once for each task.
    WITH dependency AS MATERIALIZED (
        SELECT t.number, t.ran, d.upstream_id
        FROM
            ROWS FROM (unnest(workflow_steps.task_ids), unnest(ran)) WITH ORDINALITY AS t (task_id, ran, number)
            CROSS JOIN LATERAL (
                SELECT d.upstream_id
                FROM sojourn.dependency AS d
                WHERE d.task_id = t.task_id AND d.since <= coalesce((SELECT sojourn.as_of()), 'infinity')
                OFFSET 0
            ) AS d
    )
    SELECT coalesce(array_agg(d.number::integer), '{}'), coalesce(array_agg(u.number::integer), '{}')
    INTO later, earlier
    FROM
        dependency AS d
        JOIN ROWS FROM (unnest(workflow_steps.task_ids), unnest(ended)) WITH ORDINALITY AS u (task_id, ended, number)
            ON u.task_id = d.upstream_id
    WHERE u.ended <= d.ran;

    -- Loops, because the planner has no idea of how many rows a chain of joins of arrays has.
    ready := registered;
    early := array_fill(NULL::bigint, ARRAY[n]);
    FOR i IN 1..cardinality(later) LOOP
        IF ended[earlier[i]] <= registered[later[i]] THEN
            early[later[i]] := greatest(early[later[i]], ended[earlier[i]]);
        ELSE
            ready[later[i]] := greatest(ready[later[i]], ended[earlier[i]]);
        END IF;
    END LOOP;

    begins := array_fill(NULL::bigint, ARRAY[4 * n + 2]);
    ends := begins;
    entries := array_fill(NULL::integer, ARRAY[n]);
    FOR i IN 1..n LOOP
        begins[i] := ready[i];
        ends[i] := ended[i];
        entries[i] := i;
    END LOOP;
    before := NULL;
    FOR part IN
        SELECT t.number::integer AS number, p.number::integer AS parent
        FROM
            ROWS FROM (unnest(parents), unnest(registered)) WITH ORDINALITY AS t (parent_id, registered, number)
            JOIN unnest(workflow_steps.task_ids) WITH ORDINALITY AS p (task_id, number) ON p.task_id = t.parent_id
        WHERE workflow_steps.with_parts
        ORDER BY p.number, t.registered, t.number
    LOOP
        follows := early[part.number] IS NULL AND registered[part.number] >= ready[part.parent];
        is_awaited := ended[part.number] <= ended[part.parent];
        CONTINUE WHEN NOT follows AND NOT is_awaited;
        IF entries[part.parent] = part.parent THEN
            entries[part.parent] := 2 * n + part.parent;
            begins[2 * n + part.parent] := ready[part.parent];
            ends[2 * n + part.parent] := ready[part.parent];
            before := 2 * n + part.parent;
            pairs := pairs || (part.parent * half + before);
        END IF;
        IF is_awaited THEN
            begins[part.parent] := greatest(begins[part.parent], ended[part.number]);
            pairs := pairs || (part.parent * half + part.number);
        END IF;
        IF follows THEN
            begins[3 * n + part.number] := ends[before];
            ends[3 * n + part.number] := registered[part.number];
            pairs := pairs || ((3 * n + part.number) * half + before);
            before := 3 * n + part.number;
        END IF;
    END LOOP;

    FOR i IN 1..n LOOP
        IF ends[3 * n + i] IS NOT NULL THEN
            before := 3 * n + i;
        ELSIF coalesce(early[i], 0) < registered[i] THEN
            before := n + i;
            begins[before] := coalesce(early[i], 0);
            ends[before] := registered[i];
            IF begins[before] = 0 THEN
                pairs := pairs || (before * half + 4 * n + 1);
            END IF;
        ELSE
            before := 4 * n + 1;
        END IF;
        pairs := pairs || (entries[i] * half + before);
        pairs := pairs || ((4 * n + 2) * half + i);
    END LOOP;
    FOR i IN 1..cardinality(later) LOOP
        after := later[i];
        IF ends[n + after] IS NULL OR ended[earlier[i]] > registered[after] THEN
            pairs := pairs || (entries[after] * half + earlier[i]);
        ELSE
            pairs := pairs || ((n + after) * half + earlier[i]);
        END IF;
    END LOOP;
    begins[4 * n + 1] := 0;
    ends[4 * n + 1] := 0;
    begins[4 * n + 2] := (SELECT max(e) FROM unnest(ended) AS e);
    ends[4 * n + 2] := begins[4 * n + 2];

    SELECT array_agg((p.pair >> 32)::integer), array_agg((p.pair & (half - 1))::integer)
    INTO afters, befores
    FROM (SELECT u.pair FROM unnest(pairs) AS u (pair) ORDER BY u.pair) AS p;
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION sojourn.workflow_steps IS
    'The steps in which a workflow went on, and which came before which, as arrays in one row: what '
    'sojourn.critical_path is computed from.';
