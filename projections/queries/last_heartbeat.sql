SELECT l.heartbeat_at FROM sojourn.lease AS l WHERE l.holder = 'runner:' || %s;
