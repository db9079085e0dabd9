-- Return which of the runners exist: those with a lease or an event.
SELECT substr(n.holder, 8)
FROM (SELECT 'runner:' || r.runner_id FROM unnest(%s::text[]) AS r (runner_id)) AS n (holder)
WHERE
    EXISTS (SELECT FROM sojourn.lease AS l WHERE l.holder = n.holder)
    OR EXISTS (SELECT FROM sojourn.stored_event AS e
        WHERE e.entity_kind = sojourn.kind_of(n.holder) AND e.entity_id = sojourn.id_of(n.holder)
    );
