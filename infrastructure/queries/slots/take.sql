SELECT sojourn.take_slots(%s, %s);
