-- Return the oldest prepared transaction of this database, or NULL where there is none.
SELECT min(horizon.latest - age.since)
FROM
    (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS horizon (latest)
    LEFT JOIN pg_prepared_xacts AS p ON p.database = current_database()
    CROSS JOIN LATERAL (
        SELECT ((horizon.latest - p.transaction::text::bigint + 2147483648) & 4294967295) - 2147483648
    ) AS age (since);
