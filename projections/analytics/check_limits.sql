-- Return true where each limit has known keys and names a known status and template, or raise an error about the first.
-- A log without tasks knows no templates, so that none is wrong.
CREATE OR REPLACE FUNCTION sojourn.check_limits(limits jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    templates text[];
BEGIN
    IF jsonb_typeof(limits) IS DISTINCT FROM 'array'
        OR EXISTS (SELECT FROM jsonb_array_elements(limits) AS l (item) WHERE jsonb_typeof(l.item) <> 'object')
    THEN
        RAISE EXCEPTION 'limits is not a list of objects' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM sojourn.check_choice('a key of limits', k.name, ARRAY['entity_kind', 'status', 'template', 'seconds'])
    FROM jsonb_array_elements(limits) AS l (item) CROSS JOIN LATERAL jsonb_object_keys(l.item) AS k (name);

    IF EXISTS (
        SELECT FROM jsonb_array_elements(limits) AS l (item)
        WHERE jsonb_typeof(l.item -> 'seconds') IS DISTINCT FROM 'number'
    ) THEN
        RAISE EXCEPTION 'seconds of limits is not a number' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(limits) AS l (item) WHERE l.item ->> 'template' IS NOT NULL) THEN
        templates := ARRAY(SELECT DISTINCT t.template FROM sojourn.task AS t WHERE t.template IS NOT NULL ORDER BY 1);
    END IF;
    PERFORM
        sojourn.check_choice('entity_kind', l.item ->> 'entity_kind', ARRAY['task', 'task_instance']),
        sojourn.check_status(l.item ->> 'entity_kind', l.item ->> 'status'),
        coalesce(templates, '{}') = '{}' OR sojourn.check_choice('template', l.item ->> 'template', NULL::text || templates)
    FROM jsonb_array_elements(limits) AS l (item);
    RETURN true;
END
$$;

COMMENT ON FUNCTION sojourn.check_limits IS
    'true; raises invalid_parameter_value where a limit has an unknown key, status or template, or no number of seconds.';
