-- Return the last seal.
SELECT s.number, s.last_position, s.root FROM sojourn.seal AS s ORDER BY s.number DESC LIMIT 1;
