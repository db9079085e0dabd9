-- Return the clock, which is read once the task is locked, and its owner's last heartbeat and the end of its lease.
SELECT clock_timestamp(), l.heartbeat_at, l.report_by
FROM (SELECT 'runner:' || %s) AS o (holder) LEFT JOIN sojourn.lease AS l ON l.holder = o.holder;
