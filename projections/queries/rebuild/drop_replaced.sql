-- Not CASCADE: a view of somebody else's on these tables stops the swap, and is not dropped with them.
DROP TABLE sojourn_replaced.array, sojourn_replaced.task, sojourn_replaced.task_instance, sojourn_replaced.transition;
DROP SCHEMA sojourn_replaced;
