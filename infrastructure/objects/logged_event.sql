-- Show the log as it is read: the columns of an event, its data as text.
-- It reads with the rights of the caller, so that a right to read it does not pass for one to read the log.
CREATE OR REPLACE VIEW sojourn.logged_event WITH (security_invoker = true) AS
SELECT
    e.position, e.entity_kind || ':' || e.entity_id AS stream, e.version,
    e.entity_kind || '.' || coalesce(e.event_type, 'transitioned.v1') AS name, e.workflow_id,
    CASE WHEN sojourn.has_overridden(e) THEN sojourn.plain_json(e) ELSE sojourn.event_text(e) END AS data,
    e.occurred_at, e.recorded_at, e.entered_at,
    e.version = 1 OR e.previous_status IS NOT NULL OR coalesce(e.rest ? 'previous_status', false) AS is_transition,
    e.entity_kind, e.entity_id
FROM sojourn.stored_event AS e;

COMMENT ON VIEW sojourn.logged_event IS 'The log as it is read: the columns of an event, its data as text.';
