UPDATE floor.task_instance SET status = %(status)s, entered_at = clock_timestamp(), version = version + 1
WHERE task_instance_id = ANY (%(ids)s);
