-- Return the events of a stream, the newest first.
SELECT e.*
FROM sojourn.logged_event AS e
WHERE
    e.entity_kind = sojourn.kind_of(%(stream)s) AND e.entity_id = sojourn.id_of(%(stream)s)
    AND e.version > coalesce(%(gt)s, 0)
    AND e.version <= coalesce(%(lte)s, 2147483647)
ORDER BY e.version DESC
LIMIT %(limit)s;
