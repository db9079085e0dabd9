-- Fill the rebuilt array table with the arrays that have an event up to a position.
WITH latest AS (
    SELECT e.entity_id, max(e.version) AS version
    FROM sojourn.stored_event AS e
    WHERE e.position <= %(max_position)s AND e.entity_kind = 'array' AND {touched}
    GROUP BY e.entity_id
)
INSERT INTO sojourn_rebuild.array
SELECT p.*
FROM
    latest
    JOIN sojourn.stored_event AS first
        ON first.entity_kind = 'array' AND first.entity_id = latest.entity_id AND first.version = 1
    JOIN sojourn.stored_event AS e
        ON e.entity_kind = 'array' AND e.entity_id = latest.entity_id AND e.version = latest.version
    CROSS JOIN LATERAL sojourn.project_array(first, e) AS p;
