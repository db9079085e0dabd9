-- What was proposed for those entities, when, and as which command: told at the time that `proposals` has it at.
-- Stream by stream, so that no plan reads all of the log for some thousands of them.
SELECT
    e.name, e.stream, coalesce(e.data ->> 'reported', e.data ->> 'status') AS proposed,
    coalesce(
        (
            SELECT t.entered_at
            FROM sojourn.transition AS t
            WHERE
                e.name = 'task.transitioned.v1' AND t.entity_kind = 'task' AND t.entity_id = substr(e.stream, 6)
                AND t.version = e.version
        ),
        e.occurred_at, e.recorded_at
    ) AS told_at,
    e.data ->> 'command_id' AS command_id
FROM
    unnest(%(streams)s::text[]) AS wanted (stream)
    CROSS JOIN LATERAL (SELECT found.* FROM sojourn.event AS found WHERE found.stream = wanted.stream OFFSET 0) AS e
WHERE NOT e.data ? 'cause';
