-- Return the streams of the runners that a workflow's events name.
SELECT DISTINCT 'runner:' || named.runner_id
FROM
    sojourn.stored_event AS e
    CROSS JOIN LATERAL (VALUES (e.owner), (e.runner_id)) AS named (runner_id)
WHERE e.workflow_id = %(workflow_id)s AND named.runner_id IS NOT NULL;
