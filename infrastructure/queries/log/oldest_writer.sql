-- Return the oldest running transaction that has written to the log of this database, or NULL where there is none.
-- A transaction that has drawn a position holds both locks until its end, when its events are visible already. Where the
-- caller's snapshot does not advance from statement to statement, nothing is certain, so that the answer is 0.
WITH
    held AS MATERIALIZED (
        SELECT l.virtualtransaction, l.locktype, l.transactionid
        FROM pg_locks AS l
        WHERE
            l.granted
            AND (
                (l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock')
                OR (
                    l.locktype = 'relation'
                    AND l.mode = 'RowExclusiveLock'
                    -- An upgrade reads the log of before, which is the table sojourn.event.
                    AND l.relation IN ('sojourn.stored_event'::regclass, 'sojourn.event'::regclass)
                    AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
                )
            )
    )
SELECT
    CASE
        WHEN starts_with(current_setting('transaction_isolation'), 'read ') THEN min(horizon.latest - age.since)
        ELSE 0
    END
FROM
    (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS horizon (latest)
    LEFT JOIN held AS xid
        ON xid.locktype = 'transactionid'
        AND xid.virtualtransaction IN (SELECT w.virtualtransaction FROM held AS w WHERE w.locktype = 'relation')
    CROSS JOIN LATERAL (
        -- Locks show the lower half of a transaction id: how far it lies behind the latest one makes it whole.
        SELECT ((horizon.latest - xid.transactionid::text::bigint + 2147483648) & 4294967295) - 2147483648
    ) AS age (since);
