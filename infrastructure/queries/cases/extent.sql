-- How much a case has, and until when it knows: nothing in it is later than that.
SELECT
    count(*), count(DISTINCT e.stream), min(e.position), max(e.position),
    greatest(statement_timestamp(), max(e.entered_at)),
    (
        SELECT count(*) FROM sojourn.lease AS l
        WHERE l.workflow_id = %(workflow_id)s OR l.holder = ANY (%(runners)s)
    )
FROM sojourn.event AS e
WHERE e.workflow_id = %(workflow_id)s OR e.stream = ANY (%(runners)s);
