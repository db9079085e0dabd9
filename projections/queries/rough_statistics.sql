-- What the planner must know of tables that have just grown, from a sample of 3,000 rows each: autovacuum comes by a
-- minute later, and takes ten times as long. Of tables that belong to others, the server leaves them to these.
SET LOCAL default_statistics_target = 10;
ANALYZE sojourn.event, sojourn.command, sojourn.task, sojourn.task_instance, sojourn.transition;
