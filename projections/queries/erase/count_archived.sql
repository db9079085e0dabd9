-- Count the rows of an archive's file that an erasure would change, by kind and workflow; copies are of runners' events.
WITH named AS (
    SELECT split_part(e.stream, ':', 1) AS kind, e.workflow_id, e.data
    FROM pg_temp.archived_event AS e
    WHERE
        sojourn.names_actor(e.data, %(actor)s)
        AND (%(workflow_id)s::text IS NULL OR e.workflow_id = %(workflow_id)s)
)
SELECT n.kind, n.workflow_id, count(*) FROM named AS n GROUP BY 1, 2
UNION ALL
SELECT 'command', NULL, count(*)
FROM pg_temp.archived_command AS c
WHERE EXISTS (
    SELECT FROM named AS n
    WHERE
        n.data ->> 'command_id' = c.command_id
        AND (n.data ? 'reason' OR jsonb_typeof(c.response -> 'reason') = 'string')
)
HAVING count(*) > 0
UNION ALL
SELECT 'copy', NULL, count(*)
FROM pg_temp.archived_runner AS e
WHERE %(workflow_id)s::text IS NULL AND sojourn.names_actor(e.data, %(actor)s)
HAVING count(*) > 0;
