-- Return how long this session waits for a lock.
SELECT current_setting('lock_timeout');
