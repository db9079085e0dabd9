UPDATE floor.task SET status = %(status)s, entered_at = clock_timestamp(), version = version + 1
WHERE task_id = ANY (%(ids)s);
