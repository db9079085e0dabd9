-- Sample the tables that have just grown, 3,000 rows each, for the planner.
-- Autovacuum comes a minute later and takes ten times as long. Tables that are locked or belong to others are skipped.
SET LOCAL default_statistics_target = 10;
ANALYZE (SKIP_LOCKED) sojourn.stored_event, sojourn.command, sojourn.task, sojourn.task_instance;
