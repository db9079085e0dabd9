-- Return the other sessions that have held locks on Sojourn's tables or commands for some seconds, the oldest first.
-- With a key, those that hold this advisory lock. A role without pg_read_all_stats reads NULL for the state and the times
-- of other roles' sessions.
SELECT l.pid, a.usename, nullif(a.application_name, ''), a.state, a.xact_start
FROM
    (
        SELECT DISTINCT h.pid
        FROM pg_locks AS h
        WHERE
            h.granted AND h.pid IS DISTINCT FROM pg_backend_pid()
            AND h.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            AND CASE
                WHEN h.locktype = 'advisory' THEN
                    coalesce((h.classid::bigint << 32 | h.objid::bigint) = %(key)s::bigint, true)
                ELSE
                    %(key)s::bigint IS NULL
                    AND (%(readers)s OR h.mode <> 'AccessShareLock')
                    AND h.relation IN (
                        SELECT c.oid FROM pg_class AS c
                        WHERE c.relnamespace = 'sojourn'::regnamespace AND c.relkind = 'r'
                    )
            END
    ) AS l
    LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE coalesce(a.xact_start <= clock_timestamp() - make_interval(secs => %(seconds)s), true)
ORDER BY a.xact_start, l.pid
LIMIT 3;
