-- Return the last position of the log.
SELECT max(e.position) FROM sojourn.stored_event AS e;
