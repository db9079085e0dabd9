-- Return the pairs of workflows whose tasks wait for each other or are a part of each other.
SELECT DISTINCT d.workflow_id, u.workflow_id
FROM sojourn.dependency AS d JOIN sojourn.task AS u ON u.task_id = d.upstream_id
WHERE u.workflow_id <> d.workflow_id
UNION
SELECT DISTINCT t.workflow_id, p.workflow_id
FROM sojourn.task AS t JOIN sojourn.task AS p ON p.task_id = t.parent_id
WHERE p.workflow_id <> t.workflow_id;
