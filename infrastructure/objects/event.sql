-- Show the log: each event with its stream, its name and its JSON, which follow from the columns of sojourn.stored_event.
-- It reads with the rights of the caller. Who reads the events of an entity asks for entity_kind and entity_id, which the key
-- has; `stream` is computed for each event.
CREATE OR REPLACE VIEW sojourn.event WITH (security_invoker = true) AS
SELECT
    e.position, e.entity_kind || ':' || e.entity_id AS stream, e.version,
    e.entity_kind || '.' || coalesce(e.event_type, 'transitioned.v1') AS name, e.workflow_id, e.recorded_at,
    e.occurred_at, e.entered_at,
    sojourn.event_text(e)::jsonb AS data,
    e.version = 1 OR e.previous_status IS NOT NULL OR coalesce(e.rest ? 'previous_status', false) AS is_transition,
    e.entity_kind, e.entity_id
FROM sojourn.stored_event AS e;

COMMENT ON VIEW sojourn.event IS
    'One row an event, never changed. A stream is one entity: task:ID, task_instance:ID. Its columns entity_kind and '
    'entity_id find an entity by its key.';
COMMENT ON COLUMN sojourn.event.recorded_at IS 'The clock of this database, read once the entity was locked.';
COMMENT ON COLUMN sojourn.event.occurred_at IS 'When it happened as the source claims, where it claims anything.';
COMMENT ON COLUMN sojourn.event.entered_at IS
    'Since when the entity is in the status that it has after this event: '
    'greatest(coalesce(occurred_at, recorded_at), entered_at before) where the event enters a status.';
COMMENT ON COLUMN sojourn.event.is_transition IS
    'Whether the entity enters a status with this event: its first event, and each one that has a previous_status.';
