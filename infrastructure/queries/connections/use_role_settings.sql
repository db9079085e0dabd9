-- Give the rest of the transaction the search path and the lock timeout of the role, for statements that are not Sojourn's.
SET LOCAL search_path TO DEFAULT;
SET LOCAL lock_timeout TO DEFAULT;
