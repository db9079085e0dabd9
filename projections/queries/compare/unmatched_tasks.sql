-- Return the tasks that are in one of two workflows only.
SELECT u.workflow, u.task_id
FROM sojourn.unmatched_tasks(%(a)s, %(b)s, %(at_a)s::timestamptz, %(at_b)s::timestamptz) AS u;
