-- Return the task of each instance.
SELECT i.task_instance_id, i.task_id FROM sojourn.task_instance AS i WHERE i.task_instance_id = ANY (%s);
