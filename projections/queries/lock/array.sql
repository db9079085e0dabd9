SELECT sojourn.lock_array(%s);
