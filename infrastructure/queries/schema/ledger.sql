-- Return what was applied: each migration with its checksum, and the functions and views with their version too.
-- The version is read from the whole row, because a database of before has no such column.
SELECT m.name, m.checksum, (to_jsonb(m) ->> 'version')::integer FROM sojourn.migration AS m;
