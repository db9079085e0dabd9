-- Return the stays of a kind of entity that were open at a time.
-- What has not moved since is read from the current status. What has is looked up where its workflow had begun by then, so that
-- the cost is by the entities, and by the transitions of the workflows that went on at that time, not of all later ones.
CREATE OR REPLACE FUNCTION sojourn.stays_open_at(entity_kind text, at timestamptz)
RETURNS TABLE (
    template text, lifecycle text, lifecycle_version integer, status text, entered_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH entity AS NOT MATERIALIZED (
        SELECT t.task_id AS id, t.workflow_id, t.template, t.lifecycle, t.lifecycle_version, t.status, t.entered_at
        FROM sojourn.task AS t
        WHERE stays_open_at.entity_kind = 'task'
        UNION ALL
        SELECT i.task_instance_id, i.workflow_id, t.template, t.lifecycle, t.lifecycle_version, i.status, i.entered_at
        FROM sojourn.task_instance AS i INNER JOIN sojourn.task AS t ON t.task_id = i.task_id
        WHERE stays_open_at.entity_kind = 'task_instance'
    ),
    begun AS MATERIALIZED (
        SELECT w.workflow_id
        FROM (SELECT DISTINCT e.workflow_id FROM entity AS e WHERE e.entered_at > stays_open_at.at) AS w
        WHERE (
            SELECT b.entered_at
            FROM sojourn.transition AS b
            WHERE b.workflow_id = w.workflow_id AND b.entity_kind = stays_open_at.entity_kind AND b.version = 1
            ORDER BY b.entered_at
            LIMIT 1
        ) <= stays_open_at.at
    )
    SELECT e.template, e.lifecycle, e.lifecycle_version, e.status, e.entered_at
    FROM entity AS e
    WHERE e.entered_at <= stays_open_at.at
    UNION ALL
    SELECT e.template, e.lifecycle, e.lifecycle_version, s.status, s.entered_at
    FROM
        entity AS e
        CROSS JOIN LATERAL (
            SELECT m.status, m.entered_at
            FROM sojourn.transition AS m
            WHERE
                m.entity_kind = stays_open_at.entity_kind AND m.entity_id = e.id
                AND greatest(m.entered_at, '-infinity') <= stays_open_at.at -- by the key, not by the index of times
            ORDER BY m.version DESC
            LIMIT 1
        ) AS s
    WHERE e.entered_at > stays_open_at.at AND e.workflow_id IN (SELECT b.workflow_id FROM begun AS b)
$$;

COMMENT ON FUNCTION sojourn.stays_open_at IS 'The stays of tasks or task instances that were open at a time.';
