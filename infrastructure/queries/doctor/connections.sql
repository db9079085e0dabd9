-- Return how many connections this user may have to this database, and how many clients the server has.
SELECT
    least(
        current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer
        - coalesce(current_setting('reserved_connections', true), '0')::integer,
        nullif(d.datconnlimit, -1),
        nullif(r.rolconnlimit, -1)
    ),
    (SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend')
FROM pg_database AS d CROSS JOIN pg_roles AS r
WHERE d.datname = current_database() AND r.rolname = current_user;
