-- Find what belongs to a workflow by an index, so that a question about one workflow does not read the log.
-- They are small, because a value that repeats is stored once for many rows.
CREATE INDEX transition_workflow_id_idx ON sojourn.transition (workflow_id);
CREATE INDEX task_instance_workflow_id_idx ON sojourn.task_instance (workflow_id);

-- The orphans of the rule late-report, of which there are few.
CREATE INDEX transition_orphaned_instance_idx ON sojourn.transition (workflow_id, entity_id)
WHERE entity_kind = 'task_instance' AND rule = 'orphaned-instance';
