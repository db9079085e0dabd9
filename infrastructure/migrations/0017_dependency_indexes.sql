-- Let the indexes of dependencies answer alone, as of any time too: a walk over all that a task waits for reads no row.
ALTER TABLE sojourn.dependency
    DROP CONSTRAINT dependency_pkey,
    ADD PRIMARY KEY (task_id, upstream_id) INCLUDE (since);
DROP INDEX sojourn.dependency_upstream_id_idx;
CREATE INDEX dependency_upstream_id_idx ON sojourn.dependency (upstream_id, task_id) INCLUDE (since, workflow_id);
