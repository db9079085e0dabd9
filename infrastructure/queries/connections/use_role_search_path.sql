-- Give the rest of the transaction the search path of the role, for statements that are not Sojourn's.
SET LOCAL search_path TO DEFAULT;
