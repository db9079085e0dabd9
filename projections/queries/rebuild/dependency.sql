-- Add the dependencies between two positions to the rebuilt table. Each is known from the first event that states it.
INSERT INTO sojourn_rebuild.dependency
SELECT DISTINCT ON (p.task_id, p.upstream_id) p.*
FROM sojourn.stored_event AS e CROSS JOIN LATERAL sojourn.project_dependency(e) AS p
WHERE
    e.position > %(after)s AND e.position <= %(max_position)s AND e.rest ? 'upstream'
    AND NOT EXISTS (
        SELECT FROM sojourn_rebuild.dependency AS d WHERE d.task_id = p.task_id AND d.upstream_id = p.upstream_id
    )
ORDER BY p.task_id, p.upstream_id, p.position;
