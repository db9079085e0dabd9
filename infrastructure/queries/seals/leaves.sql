-- Return the leaf of each event, also of those in an archive, after a position and up to another, in order, with the seed of its seal's salts.
(
    SELECT e.position, sojourn.hash_stored(e, s.salt, s.kept)
    FROM
        sojourn.stored_event AS e
        CROSS JOIN LATERAL sojourn.find_salts(e.position, %(seed)s::bytea) AS s
    WHERE e.position > %(after)s AND e.position <= %(stop)s
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
LIMIT %(limit)s;
