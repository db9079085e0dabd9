-- Return the longest way through the steps of a workflow past each step of its critical path, the first one first.
-- A way past a step leads, in the order of their places, from one before it to one after it. Each pair of steps is such a
-- way past those steps of the path whose places lie between the two; `longest` has it for 2^k of them from the i-th on.
CREATE OR REPLACE FUNCTION sojourn.ways_past(
    path integer[], begins bigint[], ends bigint[], afters integer[], befores integer[], places integer[], rests bigint[]
)
RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    steps   CONSTANT integer := cardinality(path);
    left_at integer[] := array_fill(0, ARRAY[cardinality(begins)]); -- the number of steps of the path up to each place
    halves  integer[] := '{0}';                                     -- the largest k with 2^k up to each number
    longest bigint[];
    pair    integer;
    i       integer;
    j       integer;
    k       integer;
    way     bigint;
BEGIN
    FOR i IN 1..steps LOOP
        left_at[places[path[i]]] := 1;
        IF i > 1 THEN
            halves[i] := halves[i / 2] + 1;
        END IF;
    END LOOP;
    FOR i IN 2..cardinality(begins) LOOP
        left_at[i] := left_at[i] + left_at[i - 1];
    END LOOP;
    longest := array_fill(0::bigint, ARRAY[steps * (halves[steps] + 1)]);
    FOR pair IN 1..cardinality(afters) LOOP
        i := left_at[places[befores[pair]]] + 1;
        j := left_at[places[afters[pair]] - 1];
        IF i <= j THEN
            way := ends[befores[pair]] + ends[afters[pair]] - begins[afters[pair]] + rests[afters[pair]];
            k := halves[j - i + 1];
            i := steps * k + i;
            j := steps * k + j - (1 << k) + 1;
            IF longest[i] < way THEN
                longest[i] := way;
            END IF;
            IF longest[j] < way THEN
                longest[j] := way;
            END IF;
        END IF;
    END LOOP;
    FOR k IN REVERSE halves[steps]..1 LOOP
        FOR i IN 1..(steps - (1 << k) + 1) LOOP
            way := longest[steps * k + i];
            j := steps * (k - 1) + i;
            IF longest[j] < way THEN
                longest[j] := way;
            END IF;
            j := j + (1 << (k - 1));
            IF longest[j] < way THEN
                longest[j] := way;
            END IF;
        END LOOP;
    END LOOP;
    RETURN longest[1:steps];
END
$$;

COMMENT ON FUNCTION sojourn.ways_past IS
    'The longest way through the steps of sojourn.workflow_steps past each step of a path, whose first step comes first.';
