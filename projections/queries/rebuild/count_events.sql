SELECT count(*) FROM sojourn.event;
