-- Count the events of the log.
SELECT count(*) FROM sojourn.stored_event;
