-- Return the position up to which the sums count, and whether they are brought up to the log: once many events have come, or
-- once the last time was long ago and some have, or sums no longer hold.
SELECT
    c.position,
    EXISTS (SELECT FROM sojourn.stored_event AS e WHERE e.position > c.position OFFSET %(events)s)
    OR (
        clock_timestamp() >= c.advanced_at + %(seconds)s * interval '1 second'
        AND (
            EXISTS (SELECT FROM sojourn.stored_event AS e WHERE e.position > c.position)
            OR EXISTS (SELECT FROM sojourn.attempt_sum AS s WHERE s.holds_until < statement_timestamp())
        )
    )
FROM sojourn.checkpoint AS c
WHERE c.subscription = 'sums';
