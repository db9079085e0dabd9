-- Return every row of a projected table in the order of its first column: the key, or a transition's position.
SELECT t.* FROM sojourn.{table} AS t ORDER BY 1;
