-- Return tasks with their current status in an order, such as the newest first.
-- The last event is read only for those that are listed, unless an actor or a rule is asked for.
WITH chosen AS (
    SELECT t.task_id, t.workflow_id, t.template, t.status, t.entered_at, t.num_attempts,
        {key} AS sorted_by
    FROM sojourn.current_task AS t
    WHERE
        (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
        AND (%(statuses)s::text[] IS NULL OR t.status = ANY (%(statuses)s))
        AND (%(template)s::text IS NULL OR t.template = %(template)s)
        AND (
            %(parent)s::text IS NULL
            OR t.task_id IN (SELECT p.task_id FROM sojourn.task AS p WHERE p.parent_id = %(parent)s)
        )
        AND (%(since)s::timestamptz IS NULL OR t.entered_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR t.entered_at < %(until)s)
        AND (
            %(after_at)s::{type} IS NULL OR {key} {beyond} %(after_at)s::{type}
            OR ({key} = %(after_at)s::{type} AND t.task_id > %(after_id)s)
        )
        AND (
            NOT (%(failed)s OR %(active)s)
            OR (t.lifecycle, t.lifecycle_version, t.status) IN (
                SELECT s.lifecycle, s.lifecycle_version, s.status
                FROM sojourn.lifecycle_status AS s
                WHERE
                    s.entity_kind = 'task' AND (s.failure OR NOT %(failed)s) AND (NOT s.terminal OR NOT %(active)s)
            )
        )
        AND (
            (%(actor)s::text IS NULL AND %(rule)s::text IS NULL)
            OR (
                SELECT
                    (%(actor)s IS NULL OR m.actor = %(actor)s) AND (%(rule)s IS NULL OR m.rule = %(rule)s)
                FROM sojourn.transition AS m
                WHERE
                    m.entity_kind = 'task' AND m.entity_id = t.task_id
                    AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
                ORDER BY m.version DESC
                LIMIT 1
            )
        )
        AND (
            NOT %(orphan)s
            OR t.task_id IN (
                SELECT o.entity_id FROM sojourn.find_orphans(%(workflow_id)s::text, 'task') AS o
                WHERE NOT o.decided
            )
        )
    ORDER BY {key} {direction}, t.task_id
    LIMIT %(limit)s
)
SELECT
    'task:' || c.task_id AS entity, c.workflow_id, c.template, c.status, c.entered_at AS since,
    c.num_attempts AS attempts, moved.rule, moved.actor,
    coalesce(e.reason, cause.reason) AS reason
FROM
    chosen AS c
    CROSS JOIN LATERAL (
        SELECT m.rule, m.actor, m.position FROM sojourn.transition AS m
        WHERE
            m.entity_kind = 'task' AND m.entity_id = c.task_id
            AND m.entered_at <= coalesce((SELECT sojourn.as_of()), 'infinity')
        ORDER BY m.version DESC
        LIMIT 1
    ) AS moved
    JOIN sojourn.stored_event AS e ON e.position = moved.position
    -- What follows from an instance's report has no reason of its own.
    LEFT JOIN sojourn.stored_event AS cause
        ON cause.entity_kind = sojourn.kind_of(substring(sojourn.event_cause(e) FROM '^(.*)@[0-9]+$'))
        AND cause.entity_id = sojourn.id_of(substring(sojourn.event_cause(e) FROM '^(.*)@[0-9]+$'))
        AND cause.version = substring(sojourn.event_cause(e) FROM '[0-9]+$')::integer
ORDER BY c.sorted_by {direction}, c.task_id;
