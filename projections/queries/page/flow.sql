-- Count how often each status came right after another under one lifecycle, with the median of the ended intervals.
SELECT
    s.status AS source, s.next_status AS target, count(*) AS n,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds) FILTER (WHERE NOT s.open) AS median_seconds
FROM sojourn.status_interval AS s
WHERE s.entity_kind = %(kind)s AND s.lifecycle = %(lifecycle)s
GROUP BY s.status, s.next_status
ORDER BY s.status, s.next_status;
