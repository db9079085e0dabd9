-- Return the ids of workflows before and after an id, in the order of the ids.
(SELECT DISTINCT t.workflow_id FROM sojourn.task AS t WHERE t.workflow_id >= %(wanted)s ORDER BY 1 LIMIT 50)
UNION ALL
(SELECT DISTINCT t.workflow_id FROM sojourn.task AS t WHERE t.workflow_id < %(wanted)s ORDER BY 1 DESC LIMIT 50);
