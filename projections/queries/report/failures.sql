-- Return the last attempts of a workflow that have failed, and why.
SELECT a.entity_id, a.status, a.entered_at, a.rule, a.actor, e.reason AS reason, a.position
FROM
    (
        SELECT
            t.entity_id, t.task_id, t.status, t.entered_at, t.rule, t.actor, t.position,
            lead(t.version) OVER (PARTITION BY t.entity_id ORDER BY t.version) AS next
        FROM sojourn.transition AS t
        WHERE
            t.workflow_id = %(workflow_id)s AND t.entity_kind = %(kind)s
            AND t.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
    ) AS a
    INNER JOIN sojourn.stored_event AS e ON e.position = a.position
WHERE a.next IS NULL AND a.status = ANY (%(statuses)s)
ORDER BY a.entered_at DESC, a.position DESC
LIMIT %(limit)s;
