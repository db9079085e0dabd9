-- Return the JSON of a stored event with each field once. Few events need it. It is not SQL, so that the planner does not put
-- the JSON a second time into every query that reads the log.
CREATE OR REPLACE FUNCTION sojourn.plain_json(stored sojourn.stored_event) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sojourn.event_text(stored)::jsonb::text;
END
$$;

COMMENT ON FUNCTION sojourn.plain_json IS 'Return the JSON of a stored event with each field once.';
