-- Return the lifecycles of some task instances.
SELECT DISTINCT t.lifecycle, t.lifecycle_version
FROM sojourn.task_instance AS i JOIN sojourn.task AS t ON t.task_id = i.task_id
WHERE i.task_instance_id = ANY (%s);
