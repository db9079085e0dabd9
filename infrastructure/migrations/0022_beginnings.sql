-- Find when the entities of a workflow began, in that order: a page reads the first lanes without sorting all of them.
-- Only the first transition of an entity is in it, so that reports do not write it.
CREATE INDEX transition_beginning_idx ON sojourn.transition (workflow_id, entity_kind, entered_at, position)
WHERE version = 1;
