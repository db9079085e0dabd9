-- Give the rest of the transaction the search path of Sojourn's statements again.
SET LOCAL search_path = pg_catalog, pg_temp;
