-- Return how many entities were in a status at once, one row for each change.
SELECT n.at, n.n
FROM (
    SELECT c.at, c.net, sum(c.net) OVER (ORDER BY c.at) AS n
    FROM (
        SELECT s.at, sum(s.step) AS net
        FROM (
            SELECT CASE WHEN e.step = 1 THEN i.entered_at ELSE i.exited_at END AS at, e.step
            FROM transition_interval AS i CROSS JOIN (SELECT 1 AS step UNION ALL SELECT -1) AS e
            WHERE
                i.entity_kind = $kind AND i.status = $status
                AND ($workflow_id IS NULL OR i.workflow_id = $workflow_id)
        ) AS s
        WHERE s.at IS NOT NULL
        GROUP BY s.at
    ) AS c
) AS n
WHERE n.net <> 0
ORDER BY n.at
