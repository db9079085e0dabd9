-- Return the position up to which the next events are sketched: of at most a number of them, and up to a position.
SELECT max(e.position)
FROM (
    SELECT e.position FROM sojourn.stored_event AS e
    WHERE e.position > %(after)s AND e.position <= %(upto)s
    ORDER BY e.position
    LIMIT %(limit)s
) AS e;
