-- Forget every sketch and go back to the start of the log, so that the subscription sketches it again.
WITH forgotten AS (
    DELETE FROM sojourn.stay_sketch
)
UPDATE sojourn.checkpoint SET position = 0, advanced_at = clock_timestamp() WHERE subscription = 'sketches';
