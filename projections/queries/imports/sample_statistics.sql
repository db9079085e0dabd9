-- What the planner must know of tables that have just grown, from a sample of 3,000 rows each. Autovacuum comes by a
-- minute later, and takes ten times as long. Tables that somebody looks at now, or that belong to others, are left to
-- these.
SET LOCAL default_statistics_target = 10;
ANALYZE (SKIP_LOCKED) sojourn.event, sojourn.command, sojourn.task, sojourn.task_instance, sojourn.transition;
