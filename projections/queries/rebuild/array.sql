-- Fill the rebuilt array table with the arrays that have an event up to a position.
WITH latest AS (
    SELECT e.stream, max(e.version) AS version
    FROM sojourn.event AS e
    WHERE e.position <= %(max_position)s AND e.stream >= 'array:' AND e.stream < 'array;' AND {touched}
    GROUP BY e.stream
)
INSERT INTO sojourn_rebuild.array
SELECT p.*
FROM
    latest
    JOIN sojourn.event AS first ON first.stream = latest.stream AND first.version = 1
    JOIN sojourn.event AS e ON e.stream = latest.stream AND e.version = latest.version
    CROSS JOIN LATERAL sojourn.project_array(first, e) AS p;
