-- Show the partitions of the log: each has the positions from "first" up to before "until"; NULL is no bound.
CREATE OR REPLACE VIEW sojourn.event_partition WITH (security_invoker = true) AS
SELECT
    c.oid::regclass AS name, nullif(b.bounds [1], 'MINVALUE')::bigint AS first,
    nullif(b.bounds [2], 'MAXVALUE')::bigint AS until
FROM
    pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (
        SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(\W*(\w+)\W*\) TO \(\W*(\w+)\W*\)')
    ) AS b (bounds)
WHERE i.inhparent = 'sojourn.stored_event'::regclass;

COMMENT ON VIEW sojourn.event_partition IS
    'The partitions of the log. Each has the positions from first up to before until; NULL is no bound.';
