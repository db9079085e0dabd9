-- Delete the leaves of events that are in the log again.
DELETE FROM sojourn.archived_leaf AS l
USING
    unnest(%s::text[]) AS s (stream)
    JOIN sojourn.stored_event AS e
        ON e.entity_kind = sojourn.kind_of(s.stream) AND e.entity_id = sojourn.id_of(s.stream)
WHERE e.position = l.position;
