-- Drop the functions and views that this version no longer has, once nothing of its own depends on them.
-- A view of somebody else's that calls one keeps it: the upgrade goes on, and warns. Some of them ran with the rights of
-- their owner, which a caller could misuse, so that what is kept runs with those of its caller.
DO $$
DECLARE
    retired text;
BEGIN
    FOREACH retired IN ARRAY ARRAY[
        'decode(jsonb)', 'told(timestamptz)', 'entered(text, text, text[])', 'place_of(float8, bigint)', 'moment()',
        'group_of(text, text, text, text, timestamptz)', 'countable_bucket(interval, float8)',
        'concurrency_by_bucket(text, text, interval, text, text)', 'stays_ended_since(timestamptz)',
        'stays_ended_on_day(timestamptz)', 'upstream_ends(text, text)',
        'find_orphans(text, text, text)', 'tasks_above(text[], text[])', 'tasks_behind(text[], text, text[])',
        'entity_phases(text[])', 'task_phases(text[], timestamptz[], timestamptz[])',
        'tasks_above(text, text)', 'stays_ended_within(timestamptz, timestamptz)'
    ] LOOP
        BEGIN
            IF to_regprocedure('sojourn.' || retired) IS NOT NULL THEN
                EXECUTE 'DROP FUNCTION sojourn.' || retired;
            END IF;
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                EXECUTE 'ALTER FUNCTION sojourn.' || retired || ' SECURITY INVOKER';
                RAISE WARNING 'function sojourn.% is kept: a view that is not part of Sojourn uses it', retired;
        END;
    END LOOP;
    BEGIN
        DROP VIEW IF EXISTS sojourn.begun_task;
    EXCEPTION
        WHEN dependent_objects_still_exist THEN
            RAISE WARNING 'view sojourn.begun_task is kept: a view that is not part of Sojourn uses it';
    END;
    -- The tables that the views sojourn.event and sojourn.transition have replaced.
    DROP TABLE IF EXISTS sojourn.event_before_0021, sojourn.transition_before_0021;
END
$$;
