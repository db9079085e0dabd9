-- Return the rows of a projected table that come from events after a position, or for 0 all, in the order of their events.
SELECT t.* FROM sojourn.{table} AS t WHERE %(after)s = 0 OR t.position > %(after)s ORDER BY t.position;
