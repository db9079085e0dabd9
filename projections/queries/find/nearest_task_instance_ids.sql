-- Return the ids of task instances before and after an id, in the order of the ids.
(SELECT t.task_instance_id FROM sojourn.task_instance AS t WHERE t.task_instance_id >= %(wanted)s ORDER BY t.task_instance_id LIMIT 50)
UNION ALL
(SELECT t.task_instance_id FROM sojourn.task_instance AS t WHERE t.task_instance_id < %(wanted)s ORDER BY t.task_instance_id DESC LIMIT 50);
