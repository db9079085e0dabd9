-- Forget every sum and go back to the start of the log, so that the subscription sums it up again.
WITH hours AS (
    DELETE FROM sojourn.hour_sum
),
attempts AS (
    DELETE FROM sojourn.attempt_sum
)
UPDATE sojourn.checkpoint SET position = 0, advanced_at = clock_timestamp() WHERE subscription = 'sums';
