-- Lock an array, and return whether it exists.
SELECT sojourn.lock_array(%s);
