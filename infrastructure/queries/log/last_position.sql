-- Return the last position of the log.
SELECT max(e.position) FROM sojourn.event AS e;
