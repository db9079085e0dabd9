-- Return those of some tasks that another task waits for.
SELECT DISTINCT d.upstream_id FROM sojourn.dependency AS d WHERE d.upstream_id = ANY (%s);
