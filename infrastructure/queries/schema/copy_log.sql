-- Copy the next events of a log of before into its new table, up to a settled position, and return the last one's position.
WITH stored AS (
    INSERT INTO sojourn.stored_event
    SELECT s.*
    FROM
        (
            SELECT e
            FROM sojourn.event AS e
            WHERE
                e.position > (SELECT coalesce(max(n.position), 0) FROM sojourn.stored_event AS n)
                AND e.position <= %(last)s
            ORDER BY e.position
            LIMIT %(limit)s
        ) AS next
        CROSS JOIN LATERAL sojourn.store_event(next.e) AS s
    RETURNING position
)
SELECT max(s.position) FROM stored AS s;
