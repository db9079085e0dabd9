-- Set the time that this transaction asks about, and return the database's.
SELECT set_config('sojourn.as_of', %s, true), clock_timestamp();
