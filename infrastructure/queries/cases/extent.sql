-- Count the events, streams and leases of a case, and return the time up to which it is complete.
SELECT
    count(*), count(DISTINCT sojourn.event_stream(e)), min(e.position), max(e.position),
    greatest(statement_timestamp(), max(e.entered_at)),
    (
        SELECT count(*) FROM sojourn.lease AS l
        WHERE l.workflow_id = %(workflow_id)s OR l.holder = ANY (%(runners)s)
    )
FROM sojourn.stored_event AS e
WHERE e.workflow_id = %(workflow_id)s OR (e.entity_kind = 'runner' AND e.entity_id = ANY (ARRAY(SELECT sojourn.id_of(r) FROM unnest(%(runners)s::text[]) AS r)));
