-- Return the lifecycles of some tasks.
SELECT DISTINCT t.lifecycle, t.lifecycle_version FROM sojourn.task AS t WHERE t.task_id = ANY (%s);
