-- Arrays, and where the instances that were queued in them stand. Arrays are numbered; their rows are locked first,
-- before any instance and task.

CREATE SEQUENCE sojourn.array_number;

CREATE TABLE sojourn.array (
    array_id                 text COLLATE "C" PRIMARY KEY CHECK (length(array_id) BETWEEN 1 AND 255),
    workflow_id              text COLLATE "C" NOT NULL,
    task_template_version_id text COLLATE "C" NOT NULL CHECK (length(task_template_version_id) BETWEEN 1 AND 255),
    name                     text COLLATE "C",
    max_concurrently_running integer NOT NULL CHECK (max_concurrently_running >= 0),
    last_batch               integer NOT NULL CHECK (last_batch >= 0),
    entered_at               timestamptz NOT NULL,
    version                  integer NOT NULL CHECK (version > 0),
    UNIQUE (workflow_id, task_template_version_id)
) WITH (fillfactor = 80);

ALTER TABLE sojourn.task_instance
    ADD COLUMN array_id text COLLATE "C",
    ADD COLUMN batch_number integer CHECK (batch_number > 0),
    ADD COLUMN step integer CHECK (step >= 0),
    ADD CONSTRAINT task_instance_place_is_whole CHECK (num_nulls(array_id, batch_number, step) IN (0, 3));
CREATE UNIQUE INDEX task_instance_place_idx ON sojourn.task_instance (array_id, batch_number, step)
WHERE array_id IS NOT NULL;
