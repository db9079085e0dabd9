-- Return the time that the session asks about, or now, and the time that the database's clock shows.
SELECT sojourn.as_of_or_now(), clock_timestamp();
