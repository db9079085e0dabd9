-- Return the ids of runners before and after an id, in the order of the ids.
(
    SELECT substr(l.holder, 8) FROM sojourn.lease AS l
    WHERE l.holder >= 'runner:' || %(wanted)s AND l.holder < 'runner;'
    ORDER BY l.holder
    LIMIT 50
)
UNION ALL
(
    SELECT substr(l.holder, 8) FROM sojourn.lease AS l
    WHERE l.holder < 'runner:' || %(wanted)s AND l.holder >= 'runner:'
    ORDER BY l.holder DESC
    LIMIT 50
);
