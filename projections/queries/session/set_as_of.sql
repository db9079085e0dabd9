-- Set the time that this transaction asks about.
SELECT set_config('sojourn.as_of', %s, true);
