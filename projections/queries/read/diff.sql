-- Return the entities whose status differs between two times.
-- The first event in between states the status before it.
WITH between_them AS (
    SELECT t.entity_kind, t.entity_id, min(t.version) AS first, max(t.version) AS last
    FROM sojourn.transition AS t
    WHERE
        t.entered_at > %(from)s AND t.entered_at <= %(to)s
        AND (%(workflow_id)s::text IS NULL OR t.workflow_id = %(workflow_id)s)
    GROUP BY t.entity_kind, t.entity_id
)
SELECT
    CASE b.entity_kind WHEN 'task' THEN 'task:' ELSE 'ti:' END || b.entity_id AS entity,
    first.previous_status AS before, last.status AS after, last.entered_at AS since
FROM
    between_them AS b
    JOIN sojourn.transition AS first
        ON first.entity_kind = b.entity_kind AND first.entity_id = b.entity_id AND first.version = b.first
    JOIN sojourn.transition AS last
        ON last.entity_kind = b.entity_kind AND last.entity_id = b.entity_id AND last.version = b.last
WHERE first.previous_status IS DISTINCT FROM last.status
ORDER BY b.entity_kind, b.entity_id
LIMIT %(limit)s;
