-- Find the instances of a workflow by an index, so that a question about one workflow does not read those of all.
-- It is small, because a value that repeats is stored once for many rows.
CREATE INDEX task_instance_workflow_id_idx ON sojourn.task_instance (workflow_id);
