-- Return the tasks of other workflows that tasks of a workflow are parts of or wait for.
SELECT t.task_id
FROM sojourn.task AS t
WHERE
    t.workflow_id <> %(workflow_id)s
    AND t.task_id IN (
        SELECT d.upstream_id FROM sojourn.dependency AS d WHERE d.workflow_id = %(workflow_id)s
        UNION ALL
        SELECT own.parent_id FROM sojourn.task AS own WHERE own.workflow_id = %(workflow_id)s
    );
