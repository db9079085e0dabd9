-- Lock a command id until this transaction ends, without waiting, so that nobody else carries the command out meanwhile.
SELECT sojourn.lock_command(%s);
