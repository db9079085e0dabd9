-- Return the databases of opened archives that nobody uses any more, by their comment.
SELECT d.datname
FROM pg_database AS d
WHERE
    d.datname ~ '^archived_[0-9a-f]{16}$'
    AND shobj_description(d.oid, 'pg_database') = %(comment)s
    AND NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.datid = d.oid);
