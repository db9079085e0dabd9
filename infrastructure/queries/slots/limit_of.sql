-- Return how many slots a tag has; no row where it has no limit.
SELECT l.slots FROM sojourn.slot_limit AS l WHERE l.tag = %s;
