-- Return the place of each step in an order in which it follows all steps before it, and the longest time from its end to
-- the last end. A step is placed once all steps after it are, from the last place on; afters are sorted. Places are NULL
-- where steps come before themselves.
CREATE OR REPLACE FUNCTION sojourn.place_steps(
    begins bigint[], ends bigint[], afters integer[], befores integer[], OUT places integer[], OUT rests bigint[]
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    firsts   integer[] := array_fill(0, ARRAY[cardinality(begins)]); -- the first pair in which each is the later step
    unplaced integer[] := array_fill(0, ARRAY[cardinality(begins)]); -- the number of steps after each without a place
    stack    integer[] := '{}';
    height   integer := 0;
    place    integer := 0;
    step     integer;
    before   integer;
    pair     integer;
    rest     bigint;
BEGIN
    FOR pair IN REVERSE cardinality(afters)..1 LOOP
        firsts[afters[pair]] := pair;
        unplaced[befores[pair]] := unplaced[befores[pair]] + 1;
    END LOOP;
    FOR step IN 1..cardinality(begins) LOOP
        IF begins[step] IS NOT NULL THEN
            place := place + 1;
            IF unplaced[step] = 0 THEN
                height := height + 1;
                stack[height] := step;
            END IF;
        END IF;
    END LOOP;
    places := array_fill(0, ARRAY[cardinality(begins)]);
    rests := array_fill(0::bigint, ARRAY[cardinality(begins)]);
    WHILE height > 0 LOOP
        step := stack[height];
        height := height - 1;
        places[step] := place;
        place := place - 1;
        rest := rests[step] + ends[step] - begins[step];
        pair := firsts[step];
        WHILE pair > 0 AND afters[pair] = step LOOP
            before := befores[pair];
            IF rests[before] < rest THEN
                rests[before] := rest;
            END IF;
            unplaced[before] := unplaced[before] - 1;
            IF unplaced[before] = 0 THEN
                height := height + 1;
                stack[height] := before;
            END IF;
            pair := pair + 1;
        END LOOP;
    END LOOP;
    IF place > 0 THEN
        places := NULL;
    END IF;
END
$$;

COMMENT ON FUNCTION sojourn.place_steps IS
    'The place of each step of sojourn.workflow_steps in an order in which it follows all steps before it (NULL: there is '
    'none), and the longest time from its end to the end of the workflow.';
