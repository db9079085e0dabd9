-- Take a partition out of the log while others read the log and append to it.
ALTER TABLE sojourn.stored_event DETACH PARTITION {partition} CONCURRENTLY;
