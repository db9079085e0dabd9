-- Return the critical paths of two workflows, or of one as of two times.
-- Each is that of sojourn.critical_path, for which sojourn.as_of is set in between, and reset when both are found.
CREATE OR REPLACE FUNCTION sojourn.critical_paths(
    workflow_a text, workflow_b text, at_a timestamptz DEFAULT NULL, at_b timestamptz DEFAULT NULL
)
RETURNS TABLE (
    workflow text, link integer, entity_kind text, entity_id text, task_id text, template text, kind text, detail text,
    began_at timestamptz, ended_at timestamptz, seconds float8, saved_seconds float8, ties text[], tied integer
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    as_of CONSTANT text := coalesce(current_setting('sojourn.as_of', true), '');
BEGIN
    PERFORM set_config('sojourn.as_of', coalesce(at_a::text, as_of), true);
    RETURN QUERY SELECT 'a', p.* FROM sojourn.critical_path(workflow_a) AS p;
    PERFORM set_config('sojourn.as_of', coalesce(at_b::text, as_of), true);
    RETURN QUERY SELECT 'b', p.* FROM sojourn.critical_path(workflow_b) AS p;
    PERFORM set_config('sojourn.as_of', as_of, true);
END
$$;

COMMENT ON FUNCTION sojourn.critical_paths IS
    'The critical paths of two workflows, or of one as of two times (NULL: sojourn.as_of, else now): the links of '
    'sojourn.critical_path for each of them. workflow is a or b.';
