-- Lock leases in the order of their holders.
SELECT l.holder, l.report_by
FROM sojourn.lease AS l
WHERE l.holder = ANY (%s)
ORDER BY l.holder
FOR NO KEY UPDATE {wait};
