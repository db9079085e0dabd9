-- Return a page of the orphans, each with how many instances its task has.
-- The rule blocked-upstream is asked about what is wanted alone, because its walk over all tasks cannot be narrowed later.
SELECT
    o.entity, o.rule, o.since, o.evidence, o.expected, o.explanation, o.decided, o.workflow_id, o.task_id, t.lifecycle,
    o.status,
    (SELECT count(*) FROM sojourn.current_task_instance AS i WHERE i.task_id = o.task_id) AS instances
FROM
    (
        SELECT
            a.entity, a.rule, a.since, a.evidence, a.expected, a.explanation, a.decided, a.workflow_id, a.task_id,
            a.entity_kind, a.entity_id, a.status
        FROM sojourn.orphan AS a
        WHERE a.rule <> 'blocked-upstream'
        UNION ALL
        SELECT
            'task:' || b.task_id, 'blocked-upstream', b.since, b.evidence, b.expected, b.explanation, b.decided,
            b.workflow_id, b.task_id, 'task', b.entity_id, b.status
        FROM
            sojourn.blocked_upstream(
                %(workflow_id)s::text, CASE WHEN %(kind)s::text = 'task' THEN %(id)s::text END
            ) AS b
        WHERE %(kind)s::text IS DISTINCT FROM 'task_instance'
    ) AS o
    JOIN sojourn.task AS t ON t.task_id = o.task_id
WHERE
    o.rule = ANY (%(rules)s::text[])
    AND (%(workflow_id)s::text IS NULL OR o.workflow_id = %(workflow_id)s)
    AND (%(kind)s::text IS NULL OR (o.entity_kind = %(kind)s AND o.entity_id = %(id)s))
    AND (
        %(after)s::timestamptz IS NULL
        OR (o.since, o.entity_kind, o.entity_id, o.rule)
        > (%(after)s::timestamptz, %(after_kind)s::text, %(after_id)s::text, %(after_rule)s::text)
    )
ORDER BY o.since, o.entity_kind, o.entity_id, o.rule
LIMIT %(limit)s;
