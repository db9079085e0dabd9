-- Return the ids of tasks before and after an id, in the order of the ids.
(SELECT t.task_id FROM sojourn.task AS t WHERE t.task_id >= %(wanted)s ORDER BY t.task_id LIMIT 50)
UNION ALL
(SELECT t.task_id FROM sojourn.task AS t WHERE t.task_id < %(wanted)s ORDER BY t.task_id DESC LIMIT 50);
