-- Return the positions of the events after a position and up to another, also of those in an archive, and their leaves one
-- after the other, both in order, with the seed of their seal's salts. One row takes less time to read than one an event.
WITH erased AS MATERIALIZED (
    SELECT
        EXISTS (SELECT FROM sojourn.seal_salt AS s WHERE s.position > %(after)s AND s.position <= %(stop)s)
        OR EXISTS (SELECT FROM sojourn.erased_field AS f WHERE f.position > %(after)s AND f.position <= %(stop)s) AS is_any
)
SELECT coalesce(array_agg(l.position), '{}'), coalesce(string_agg(l.leaf, ''), '')
FROM (
    -- The salts of events none of which was erased come from the seed alone, so that none is looked up.
    (
        SELECT e.position, sojourn.hash_stored(e, sha256(%(seed)s::bytea || int8send(e.position)), NULL) AS leaf
        FROM sojourn.stored_event AS e
        WHERE e.position > %(after)s AND e.position <= %(stop)s AND NOT (SELECT d.is_any FROM erased AS d)
        ORDER BY e.position
        LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT e.position, sojourn.hash_stored(e, s.salt, s.kept)
        FROM
            sojourn.stored_event AS e
            CROSS JOIN LATERAL sojourn.find_salts(e.position, %(seed)s::bytea) AS s
        WHERE e.position > %(after)s AND e.position <= %(stop)s AND (SELECT d.is_any FROM erased AS d)
        ORDER BY e.position
        LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT a.position, a.leaf
        FROM sojourn.archived_leaf AS a
        WHERE a.position > %(after)s AND a.position <= %(stop)s
        ORDER BY a.position
        LIMIT %(limit)s
    )
    ORDER BY 1
    LIMIT %(limit)s
) AS l;
