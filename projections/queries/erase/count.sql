-- Count the events and commands of the log that an erasure would change, by kind and workflow.
WITH named AS (
    SELECT split_part(e.stream, ':', 1) AS kind, e.workflow_id, e.data
    FROM sojourn.event AS e
    WHERE sojourn.names_actor(e.data, %(actor)s) AND {scope}
),
command AS (
    SELECT n.data ->> 'command_id' AS command_id, bool_or(n.data ? 'reason') AS has_reason
    FROM named AS n
    GROUP BY 1
)
SELECT n.kind, n.workflow_id, count(*) FROM named AS n GROUP BY 1, 2
UNION ALL
SELECT 'command', NULL, count(*)
FROM command AS o JOIN sojourn.command AS c ON c.command_id = o.command_id
WHERE o.has_reason OR jsonb_typeof(c.response -> 'reason') = 'string'
HAVING count(*) > 0;
