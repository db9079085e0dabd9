-- Count the rows of current status of tasks and of instances.
SELECT (SELECT count(*) FROM sojourn.task), (SELECT count(*) FROM sojourn.task_instance);
