-- Add the transitions between two positions to the rebuilt transition table.
INSERT INTO sojourn_rebuild.transition
SELECT p.*
FROM
    sojourn.event AS e
    CROSS JOIN LATERAL sojourn.event_fields(e) AS f
    CROSS JOIN LATERAL sojourn.project_transition(f) AS p
WHERE e.position > %(after)s AND e.position <= %(max_position)s;
