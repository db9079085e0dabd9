-- Return true where a workflow has tasks, or is NULL for all workflows; else raise an error that names the nearest ones.
CREATE OR REPLACE FUNCTION sojourn.check_workflow(workflow_id text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    nearest text;
BEGIN
    IF workflow_id IS NULL
        OR EXISTS (SELECT FROM sojourn.task AS t WHERE t.workflow_id = check_workflow.workflow_id)
    THEN
        RETURN true;
    END IF;
    SELECT string_agg(quote_literal(n.workflow_id), ' and ' ORDER BY n.workflow_id) INTO nearest
    FROM (
        (
            SELECT t.workflow_id FROM sojourn.task AS t
            WHERE t.workflow_id < check_workflow.workflow_id
            ORDER BY t.workflow_id DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT t.workflow_id FROM sojourn.task AS t
            WHERE t.workflow_id > check_workflow.workflow_id
            ORDER BY t.workflow_id
            LIMIT 1
        )
    ) AS n;
    RAISE EXCEPTION 'workflow_id => % is not a workflow of the log', quote_literal(workflow_id)
        USING ERRCODE = 'invalid_parameter_value',
            HINT = coalesce('Next to it in alphabetical order: ' || nearest || '.', 'The log has no workflows yet.');
END
$$;

COMMENT ON FUNCTION sojourn.check_workflow IS
    'true; raises invalid_parameter_value, with the nearest ones, where a workflow has no tasks.';
