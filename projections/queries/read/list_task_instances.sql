-- Return task instances with their current status in an order, such as the newest first.
-- The last event is read only for those that are listed, unless an actor or a rule is asked for.
WITH chosen AS (
    SELECT
        i.task_instance_id, i.task_id, i.workflow_id, t.template, i.status, i.entered_at, i.ordinal, i.distributor_id,
        i.report_by_date, {key} AS sorted_by
    FROM
        sojourn.current_task_instance AS i
        JOIN sojourn.task AS t ON t.task_id = i.task_id
    WHERE
        (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
        AND (%(statuses)s::text[] IS NULL OR i.status = ANY (%(statuses)s))
        AND (%(template)s::text IS NULL OR t.template = %(template)s)
        AND (%(since)s::timestamptz IS NULL OR i.entered_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR i.entered_at < %(until)s)
        AND (
            %(after_at)s::{type} IS NULL OR {key} {beyond} %(after_at)s::{type}
            OR ({key} = %(after_at)s::{type} AND i.task_instance_id > %(after_id)s)
        )
        AND (
            NOT (%(failed)s OR %(active)s)
            OR (t.lifecycle, t.lifecycle_version, i.status) IN (
                SELECT s.lifecycle, s.lifecycle_version, s.status
                FROM sojourn.lifecycle_status AS s
                WHERE
                    s.entity_kind = 'task_instance'
                    AND (s.failure OR NOT %(failed)s) AND (NOT s.terminal OR NOT %(active)s)
            )
        )
        AND (
            (%(actor)s::text IS NULL AND %(rule)s::text IS NULL)
            OR (
                SELECT
                    (%(actor)s IS NULL OR m.actor = %(actor)s) AND (%(rule)s IS NULL OR m.rule = %(rule)s)
                FROM sojourn.transition AS m
                WHERE
                    m.entity_kind = 'task_instance' AND m.entity_id = i.task_instance_id
                    AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
                ORDER BY m.version DESC
                LIMIT 1
            )
        )
        AND (
            NOT %(orphan)s
            OR i.task_instance_id IN (
                SELECT o.entity_id FROM sojourn.find_orphans(%(workflow_id)s::text, 'task_instance') AS o
                WHERE NOT o.decided
            )
        )
    ORDER BY {key} {direction}, i.task_instance_id
    LIMIT %(limit)s
)
SELECT
    'ti:' || c.task_instance_id AS entity, c.workflow_id, c.template, c.status, c.entered_at AS since,
    c.ordinal AS attempts, moved.rule, moved.actor, e.reason AS reason, c.task_id, c.distributor_id,
    c.report_by_date
FROM
    chosen AS c
    CROSS JOIN LATERAL (
        SELECT m.rule, m.actor, m.position FROM sojourn.transition AS m
        WHERE
            m.entity_kind = 'task_instance' AND m.entity_id = c.task_instance_id
            AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
        ORDER BY m.version DESC
        LIMIT 1
    ) AS moved
    JOIN sojourn.stored_event AS e ON e.position = moved.position
ORDER BY c.sorted_by {direction}, c.task_instance_id;
