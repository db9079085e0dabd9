-- Return the rows of the events at some positions in JSON, in order, for the log that has their seals.
SELECT to_jsonb(e)::text FROM sojourn.event AS e WHERE e.position = ANY (%(positions)s) ORDER BY e.position;
