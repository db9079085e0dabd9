SELECT sojourn.as_of_or_now();
