-- Return which statuses were proposed for some entities, when, and by which command.
-- Names tell that an entity began. A live report has the time that `proposals` gives it; a file's own report keeps the
-- time that the file stated, because a later line of the file could match it otherwise. It reads stream by stream, so
-- that no plan reads the whole log for some thousands of them.
SELECT
    e.name, e.stream, coalesce(e.data ->> 'reported', e.data ->> 'status') AS proposed,
    coalesce(
        (
            SELECT t.entered_at
            FROM sojourn.transition AS t
            WHERE
                e.name = 'task.transitioned.v1' AND t.entity_kind = 'task' AND t.entity_id = substr(e.stream, 6)
                AND t.version = e.version
                AND NOT starts_with(coalesce(e.data ->> 'command_id', ''), %(imports)s)
        ),
        e.occurred_at, e.recorded_at
    ) AS told_at,
    e.data ->> 'command_id' AS command_id
FROM
    unnest(%(streams)s::text[]) AS wanted (stream)
    CROSS JOIN LATERAL (SELECT found.* FROM sojourn.event AS found WHERE found.stream = wanted.stream OFFSET 0) AS e
WHERE
    NOT e.data ? 'cause'
    AND e.name IN (
        'task.transitioned.v1', 'task.refused.v1', 'task.reset.v1', 'task_instance.transitioned.v1',
        'task_instance.refused.v1'
    );
