-- Return the workflows, tasks and task instances whose ids begin with a text, up to a number of each.
(
    SELECT 'workflow' AS kind, t.workflow_id AS id, NULL AS status
    FROM sojourn.task AS t
    WHERE t.workflow_id >= %(text)s AND starts_with(t.workflow_id, %(text)s)
    GROUP BY t.workflow_id
    ORDER BY t.workflow_id
    LIMIT %(limit)s
)
UNION ALL
(
    SELECT 'task', t.task_id, t.status
    FROM sojourn.current_task AS t
    WHERE t.task_id >= %(text)s AND starts_with(t.task_id, %(text)s)
    ORDER BY t.task_id
    LIMIT %(limit)s
)
UNION ALL
(
    SELECT 'task_instance', i.task_instance_id, i.status
    FROM sojourn.current_task_instance AS i
    WHERE i.task_instance_id >= %(text)s AND starts_with(i.task_instance_id, %(text)s)
    ORDER BY i.task_instance_id
    LIMIT %(limit)s
);
