-- Show the log as it is read: the columns of an event, its data as text.
-- It reads with the rights of the caller, so that a right to read it does not pass for one to read the log.
CREATE OR REPLACE VIEW sojourn.logged_event WITH (security_invoker = true) AS
SELECT
    e.position, e.stream, e.version, e.name, e.workflow_id, e.data::text AS data, e.occurred_at, e.recorded_at,
    e.entered_at, e.is_transition
FROM sojourn.event AS e;

COMMENT ON VIEW sojourn.logged_event IS 'The log as it is read: the columns of an event, its data as text.';
