-- Return the orphan that a task is because of its first cause.
SELECT
    'task:' || b.task_id AS entity, b.rule, b.since, b.evidence, b.expected, b.explanation, b.decided, b.workflow_id,
    b.task_id,
    (SELECT t.lifecycle FROM sojourn.task AS t WHERE t.task_id = b.task_id) AS lifecycle, -- a join would read all tasks
    b.status,
    (SELECT count(*) FROM sojourn.current_task_instance AS i WHERE i.task_id = b.task_id) AS instances
FROM
    sojourn.explain_blocked(
        ARRAY[%(task)s], ARRAY[%(cause)s], ARRAY[%(reason)s], ARRAY[%(since)s::timestamptz],
        ARRAY[%(position)s::bigint], ARRAY[%(causes)s::bigint]
    ) AS b;
