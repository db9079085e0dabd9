-- Return the time that the session asks about, or now.
SELECT sojourn.as_of_or_now();
