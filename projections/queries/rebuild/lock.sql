-- Lock the tables in the order in which writers take them: running writers finish, the next ones wait for the swap.
-- The wait ends before the server looks for deadlocks (deadlock_timeout), so that no reader is its victim.
SET LOCAL lock_timeout = '500ms';
LOCK TABLE sojourn.array, sojourn.task_instance, sojourn.task IN ACCESS EXCLUSIVE MODE;
LOCK TABLE sojourn.stored_event IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE sojourn.dependency, sojourn.wait IN ACCESS EXCLUSIVE MODE;
