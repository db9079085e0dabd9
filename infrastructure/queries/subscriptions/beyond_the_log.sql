-- Return the subscriptions that have read beyond the end of the log and its archive, and that end.
SELECT c.subscription, c.position, l.position
FROM sojourn.checkpoint AS c, (
        SELECT
            greatest(
                (SELECT max(e.position) FROM sojourn.stored_event AS e),
                (SELECT max(a.last_position) FROM sojourn.archived_workflow AS a),
                0
            )
    ) AS l (position)
WHERE c.position > l.position
ORDER BY c.subscription;
