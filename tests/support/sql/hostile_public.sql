-- Put into public, before pg_catalog in the search path, a namesake of every function, operator and type that the SQL of
-- an application could mean; each raises. What runs in spite of that has either qualified its names or set its own path.
CREATE FUNCTION public.stolen(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'public.% was run', name USING ERRCODE = 'SJ999';
END
$$;

DO $$
DECLARE
    twin record;
BEGIN
    FOR twin IN
        SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
        FROM pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a') AND p.provariadic = 0
    LOOP
        BEGIN
            EXECUTE format(
                'CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', twin.name, twin.arguments,
                twin.result, format('BEGIN PERFORM public.stolen(%L); END', twin.name)
            );
        EXCEPTION
            WHEN OTHERS THEN NULL; -- plpgsql cannot have every type
        END;
    END LOOP;

    FOR twin IN
        SELECT o.oprname AS name, o.oprleft::regtype AS "left", o.oprright::regtype AS "right", o.oprresult::regtype AS result
        FROM pg_operator AS o
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprkind = 'b'
    LOOP
        BEGIN
            EXECUTE format(
                'CREATE FUNCTION public.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', 'operator ' || twin.name,
                twin."left", twin."right", twin.result, format('BEGIN PERFORM public.stolen(%L); END', twin.name)
            );
            EXECUTE format(
                'CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.%I)', twin.name,
                twin."left", twin."right", 'operator ' || twin.name
            );
        EXCEPTION
            WHEN OTHERS THEN NULL;
        END;
    END LOOP;

    FOR twin IN
        SELECT t.typname AS name
        FROM pg_type AS t
        WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm') AND t.typelem = 0
    LOOP
        BEGIN
            EXECUTE format(
                'CREATE DOMAIN public.%I AS pg_catalog.%I CHECK (public.stolen(%L) IS NOT NULL)', twin.name, twin.name,
                'type ' || twin.name
            );
        EXCEPTION
            WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END
$$;
