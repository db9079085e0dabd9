-- Return the ids of arrays before and after an id, in the order of the ids.
(SELECT a.array_id FROM sojourn.array AS a WHERE a.array_id >= %(wanted)s ORDER BY a.array_id LIMIT 50)
UNION ALL
(SELECT a.array_id FROM sojourn.array AS a WHERE a.array_id < %(wanted)s ORDER BY a.array_id DESC LIMIT 50);
