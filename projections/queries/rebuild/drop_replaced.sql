-- Drop the tables that the rebuilt ones have replaced.
-- It does not cascade: a view of somebody else's on these tables stops the swap instead of being dropped.
DROP TABLE
    sojourn_replaced.array, sojourn_replaced.dependency, sojourn_replaced.task, sojourn_replaced.task_instance,
    sojourn_replaced.wait;
DROP SCHEMA sojourn_replaced;
