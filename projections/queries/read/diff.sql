-- Return the entities whose status differs between two times, by the transitions in between alone.
-- The first of them states the status before it.
SELECT
    CASE c.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || c.entity_id AS entity, c.before, c.after, c.since
FROM (
    SELECT
        t.entity_kind, t.entity_id, (array_agg(t.previous_status ORDER BY t.version))[1] AS before,
        (array_agg(t.status ORDER BY t.version DESC))[1] AS after, max(t.entered_at) AS since
    FROM sojourn.transition AS t
    WHERE
        t.entered_at > %(from)s AND t.entered_at <= %(to)s
        AND (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
    GROUP BY t.entity_kind, t.entity_id
) AS c
WHERE c.before IS DISTINCT FROM c.after
ORDER BY c.entity_kind, c.entity_id
LIMIT %(limit)s;
