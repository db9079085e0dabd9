-- Return the subscriptions that have read beyond the end of the log, and that end.
SELECT c.subscription, c.position, l.position
FROM sojourn.checkpoint AS c, (SELECT coalesce(max(e.position), 0) FROM sojourn.event AS e) AS l (position)
WHERE c.position > l.position
ORDER BY c.subscription;
