-- Return a page of the orphans, each with how many instances its task has.
SELECT
    o.entity, o.rule, o.since, o.evidence, o.expected, o.explanation, o.decided, o.workflow_id, o.task_id, t.lifecycle,
    o.status,
    (SELECT count(*) FROM sojourn.current_task_instance AS i WHERE i.task_id = o.task_id) AS instances
FROM
    sojourn.find_orphans(%(workflow_id)s::text, %(kind)s::text, %(id)s::text, %(rules)s::text[]) AS o
    CROSS JOIN LATERAL ( -- one by one, because a join would read all tasks for a few orphans
        SELECT n.lifecycle FROM sojourn.task AS n WHERE n.task_id = o.task_id OFFSET 0
    ) AS t
WHERE
    %(after)s::timestamptz IS NULL
    OR (o.since, o.entity_kind, o.entity_id COLLATE "C", o.rule)
    > (%(after)s::timestamptz, %(after_kind)s::text, %(after_id)s::text, %(after_rule)s::text)
ORDER BY o.since, o.entity_kind, o.entity_id COLLATE "C", o.rule
LIMIT %(limit)s;
