-- Return the steps that decided when a workflow ended, from its end to its beginning.
-- Each is the step before the last one that ended last. Of several it is the one that took longest, and then the first by
-- its number; `ties` are the other tasks whose own work ended then and took time.
CREATE OR REPLACE FUNCTION sojourn.critical_steps(
    tasks integer, begins bigint[], ends bigint[], afters integer[], befores integer[]
)
RETURNS TABLE (step integer, ties integer[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    firsts integer[] := array_fill(0, ARRAY[cardinality(begins)]); -- the first pair in which each is the later step
    pair   integer;
    after  integer;
    before integer;
BEGIN
    FOR pair IN REVERSE cardinality(afters)..1 LOOP
        firsts[afters[pair]] := pair;
    END LOOP;
    after := cardinality(begins);
    WHILE firsts[after] > 0 LOOP
        step := NULL;
        ties := '{}';
        pair := firsts[after];
        WHILE afters[pair] = after LOOP
            before := befores[pair];
            IF ends[before] = begins[after] THEN
                IF before <= tasks AND ends[before] > begins[before] THEN
                    ties := ties || before;
                END IF;
                IF step IS NULL OR ends[before] - begins[before] > ends[step] - begins[step] THEN
                    step := before;
                END IF;
            END IF;
            pair := pair + 1;
        END LOOP;
        ties := array_remove(ties, step);
        RETURN NEXT;
        after := step;
    END LOOP;
END
$$;

COMMENT ON FUNCTION sojourn.critical_steps IS
    'The steps of sojourn.workflow_steps that decided when a workflow ended, the last one first, and the other tasks that '
    'ended as each of them did.';
