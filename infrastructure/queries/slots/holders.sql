-- Return the tasks that hold a slot of a tag, those that took theirs first at the beginning.
SELECT s.holder FROM sojourn.slot AS s WHERE s.tag = %s ORDER BY s.taken_at, s.holder LIMIT %s;
