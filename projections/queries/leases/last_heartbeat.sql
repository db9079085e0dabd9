-- Return the clock, which is read once the task is locked, and the last heartbeat of the task's owner.
SELECT clock_timestamp(), (SELECT l.heartbeat_at FROM sojourn.lease AS l WHERE l.holder = 'runner:' || %s);
