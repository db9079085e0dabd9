-- Return which of the task instances exist.
SELECT i.task_instance_id FROM sojourn.task_instance AS i WHERE i.task_instance_id = ANY (%s);
