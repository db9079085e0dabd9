-- Return the critical path of a workflow: links without a gap from its first registration to its end.
-- docs/critical-path.md defines it. Of the steps of sojourn.workflow_steps that decided when the workflow ended, the own work
-- of tasks, and what parents did until they registered a part, are split by what went on in them. Without a link, a way
-- past its first step takes as long as it did, and parts that were registered during the link are registered as it begins.
CREATE OR REPLACE FUNCTION sojourn.critical_path(workflow_id text)
RETURNS TABLE (
    link integer, entity_kind text, entity_id text, task_id text, template text, kind text, detail text,
    began_at timestamptz, ended_at timestamptz, seconds float8, saved_seconds float8, ties text[], tied integer
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off SET enable_nestloop = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    microsecond CONSTANT interval := '1 microsecond';
    with_parts  boolean;
    first_at    timestamptz;
    ids         text[];
    templates   text[];
    begins      bigint[];
    ends        bigint[];
    afters      integer[];
    befores     integer[];
    places      integer[];
    rests       bigint[];
    n           integer;              -- of tasks
    total       bigint;               -- the time from the first registration to the end
    path        integer[] := '{}';
    tie_ends    bigint[] := '{}';     -- of each moment with ties, the last one first: when, the first of them, how many
    tie_ids     jsonb[] := '{}';
    tie_counts  integer[] := '{}';
    t           integer;
    ways        bigint[];
    spans       integer := 0;
    tasks       integer[] := '{}';    -- of each span its task, its id where it is registered, the first step, and when
    actors      text[] := '{}';
    firsts      integer[] := '{}';
    sinces      timestamptz[] := '{}';
    untils      timestamptz[] := '{}';
    registers   boolean[] := '{}';    -- whether it registered a part then
    sort        integer;
    before      integer := 0;
    parent      integer;
    i           integer;
    since       bigint;
    until       bigint;
    entry       integer;
    way         bigint;
    found       record;
BEGIN
    PERFORM sojourn.check_workflow(critical_path.workflow_id);
    -- A task that waits for what it is a part of comes before itself: there, parents are tasks like all others.
    FOREACH with_parts IN ARRAY '{t,f}'::boolean[] LOOP
        SELECT s.* INTO first_at, ids, templates, begins, ends, afters, befores
        FROM sojourn.workflow_steps(critical_path.workflow_id, with_parts) AS s;
        IF ids IS NULL THEN
            RETURN;
        END IF;
        SELECT p.* INTO places, rests FROM sojourn.place_steps(begins, ends, afters, befores) AS p;
        EXIT WHEN places IS NOT NULL;
    END LOOP;
    n := cardinality(ids);
    total := ends[4 * n + 2];

    FOR found IN SELECT s.* FROM sojourn.critical_steps(n, begins, ends, afters, befores) AS s LOOP
        path := path || found.step;
        IF found.ties <> '{}' THEN
            tie_ends := tie_ends || ends[found.step];
            tie_ids := tie_ids || (
                SELECT jsonb_agg(ids[u.task] ORDER BY u.task) FROM unnest(found.ties[1:10]) AS u (task)
            );
            tie_counts := tie_counts || cardinality(found.ties);
        END IF;
    END LOOP;
    path := ARRAY(SELECT u.step FROM unnest(path) WITH ORDINALITY AS u (step, number) ORDER BY u.number DESC);
    ways := sojourn.ways_past(path, begins, ends, afters, befores, places, rests);

    -- Steps become spans of the time of a task. All that a parent did is one span.
    FOR i IN 1..cardinality(path) LOOP
        sort := (path[i] - 1) / n;
        IF sort = 2 THEN
            parent := path[i] - 2 * n;
        END IF;
        CONTINUE WHEN begins[path[i]] = ends[path[i]];
        IF NOT (sort = 3 AND before = 3 AND tasks[spans] = parent) THEN
            spans := spans + 1;
            tasks[spans] := CASE sort WHEN 3 THEN parent ELSE (path[i] - 1) % n + 1 END;
            actors[spans] := CASE WHEN sort <> 1 THEN ids[tasks[spans]] END;
            registers[spans] := sort = 3;
            firsts[spans] := i;
            sinces[spans] := first_at + begins[path[i]] * microsecond;
        END IF;
        untils[spans] := first_at + ends[path[i]] * microsecond;
        before := sort;
    END LOOP;

    link := 0;
    FOR found IN
        SELECT
            s.number, s.task, p.entity_kind, p.entity_id, p.kind, p.detail,
            coalesce(p.began_at, s.since) AS began_at, coalesce(p.ended_at, s.until) AS ended_at
        FROM
            ROWS FROM (unnest(tasks), unnest(sinces), unnest(untils)) WITH ORDINALITY AS s (task, since, until, number)
            LEFT JOIN sojourn.task_phases(actors, sinces, untils, registers) AS p ON p.span = s.number
        ORDER BY s.number, p.began_at
    LOOP
        since := extract(epoch FROM found.began_at - first_at) * 1000000;
        until := extract(epoch FROM found.ended_at - first_at) * 1000000;
        i := firsts[found.number];
        WHILE ends[path[i]] <= since LOOP
            i := i + 1;
        END LOOP;
        way := greatest(ways[i], total - (until - since));
        WHILE ends[path[i]] < until LOOP
            -- The part that was registered then, whose first step is another one where it is a parent.
            entry := path[i] - 3 * n;
            entry := CASE WHEN begins[2 * n + entry] IS NULL THEN entry ELSE 2 * n + entry END;
            way := greatest(way, since + ends[entry] - begins[entry] + rests[entry]);
            i := i + 1;
        END LOOP;
        link := link + 1;
        task_id := ids[found.task];
        template := templates[found.task];
        entity_kind := coalesce(found.entity_kind, 'task');
        entity_id := coalesce(found.entity_id, task_id);
        kind := coalesce(found.kind, 'waiting');
        detail := CASE WHEN found.kind IS NULL THEN 'registration' ELSE found.detail END;
        began_at := found.began_at;
        ended_at := found.ended_at;
        seconds := (until - since) / 1000000::float8;
        saved_seconds := (total - way) / 1000000::float8;
        ties := '{}';
        tied := 0;
        t := cardinality(tie_ends);
        IF tie_ends[t] = until THEN
            ties := ARRAY(SELECT jsonb_array_elements_text(tie_ids[t]));
            tied := tie_counts[t];
            tie_ends := tie_ends[:t - 1];
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

COMMENT ON FUNCTION sojourn.critical_path IS
    'The critical path of a workflow, now or as of sojourn.as_of: the links that decided when it ended, without a gap from '
    'its first registration to its end. saved_seconds: how much earlier it had ended without the link; ties: other tasks '
    'that ended as the link did (the first 10 of `tied`).';
