-- Return the reason of a wait as analytics group by it: its kind, with the detail where that names a class.
-- A task, a time or a number differs from entity to entity, so a group of it would have one member.
CREATE OR REPLACE FUNCTION sojourn.wait_reason(kind text, detail text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT
        CASE
            WHEN detail IS NULL OR kind IN ('dependency', 'schedule', 'retry-delay') THEN kind
            WHEN kind <> 'slot'
                AND detail ~ '^([0-9]+$|[0-9]{4}-[0-9]{2}-[0-9]{2}|(task|ti|task_instance|array|runner):)' THEN kind
            ELSE kind || ' (' || detail || ')'
        END
$$;

COMMENT ON FUNCTION sojourn.wait_reason IS
    'The reason of a wait: its kind, and the tag or class that its detail names: resources (Priority), slot (gpu).';
