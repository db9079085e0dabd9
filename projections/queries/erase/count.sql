-- Count the events and commands of the log that an erasure would change, by kind and workflow.
WITH named AS (
    SELECT e.entity_kind AS kind, e.workflow_id, e.command_id, e.reason
    FROM sojourn.stored_event AS e
    WHERE %(actor)s IN (e.actor, sojourn.event_user(e)) AND {scope}
),
command AS (
    SELECT n.command_id, bool_or(n.reason IS NOT NULL) AS has_reason
    FROM named AS n
    GROUP BY 1
)
SELECT n.kind, n.workflow_id, count(*) FROM named AS n GROUP BY 1, 2
UNION ALL
SELECT 'command', NULL, count(*)
FROM command AS o JOIN sojourn.command AS c ON c.command_id = o.command_id
WHERE o.has_reason OR jsonb_typeof(c.response -> 'reason') = 'string'
HAVING count(*) > 0;
