-- The clock, to be read once the task is locked, and when its owner was last heard of.
SELECT clock_timestamp(), (SELECT l.heartbeat_at FROM sojourn.lease AS l WHERE l.holder = 'runner:' || %s);
