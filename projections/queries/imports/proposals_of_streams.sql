-- Return which statuses were proposed for some entities, when, since when they were in their status then, which rule
-- refused them because of more than the proposal states, and by which command they came.
-- Names tell that an entity began. A live report has the time that `proposals` gives it; a file's own report keeps the
-- time that the file stated, because a later line of the file could match it otherwise. It reads stream by stream, so
-- that no plan reads the whole log for some thousands of them.
SELECT
    e.name, e.stream, coalesce(e.data ->> 'reported', e.data ->> 'status') AS proposed,
    CASE
        WHEN e.occurred_at IS NULL THEN greatest(e.recorded_at, e.entered_at)
        WHEN
            e.data ? 'clock_tolerance' AND e.data ->> 'rule' IS DISTINCT FROM 'stale-report'
            AND NOT starts_with(coalesce(e.data ->> 'command_id', ''), %(imports)s)
            THEN e.entered_at
        ELSE e.occurred_at
    END AS stated_at,
    e.entered_at,
    CASE
        WHEN
            e.name = 'task.refused.v1' AND e.data ? 'response'
            AND NOT e.data ->> 'rule' = any(%(decided_again)s::text[])
            THEN e.data ->> 'rule'
    END AS refused_by,
    e.data ->> 'command_id' AS command_id
FROM
    unnest(%(streams)s::text[]) AS wanted (stream)
    CROSS JOIN LATERAL (
        SELECT found.* FROM sojourn.event AS found
        WHERE found.entity_kind = sojourn.kind_of(wanted.stream) AND found.entity_id = sojourn.id_of(wanted.stream)
        OFFSET 0
    ) AS e
WHERE
    NOT e.data ? 'cause'
    AND e.name IN (
        'task.transitioned.v1', 'task.refused.v1', 'task.reset.v1', 'task_instance.transitioned.v1',
        'task_instance.refused.v1'
    );
