-- End an erasure, forget whom it was about, and return the number of events that it has changed.
UPDATE sojourn.erasure AS e SET actor = NULL, ended_at = clock_timestamp() WHERE e.number = %s RETURNING e.events;
