-- Return the lifecycles that the tasks of a workflow are pinned to.
SELECT l.name, l.version, l.definition
FROM sojourn.lifecycle AS l
WHERE EXISTS (
    SELECT
    FROM sojourn.stored_event AS e
    WHERE
        e.workflow_id = %(workflow_id)s AND e.version = 1 AND e.entity_kind = 'task' AND e.event_type = 'registered.v1'
        AND e.rest ->> 'lifecycle' = l.name AND (e.rest ->> 'lifecycle_version')::integer = l.version
)
ORDER BY l.name, l.version;
