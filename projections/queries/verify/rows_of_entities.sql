-- Return the rows of some entities, or for NULL all, of a table of current status, in the order of its key.
SELECT t.* FROM sojourn.{table} AS t WHERE %(ids)s::text[] IS NULL OR t.{key} = ANY (%(ids)s) ORDER BY t.{key};
