-- Collect the statistics of the log and of its partitions.
ANALYZE sojourn.stored_event;
