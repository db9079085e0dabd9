-- Read the whole audit of tasks.
SELECT count(*), sum(a.duration) FROM sojourn.task_status_audit AS a;
